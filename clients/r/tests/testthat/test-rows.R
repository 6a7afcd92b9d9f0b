test_that("values are written with their types, and what is missing as null", {
  rows <- data.frame(
    number = c(0.1 + 0.2, NA, 1e300), whole = c(7L, NA, -1L), truth = c(TRUE, NA, FALSE),
    text = c("a \"b\" \\ \n\u00e9", NA, ""), kind = factor(c("x", NA, "y")),
    day = as.Date(c("2024-03-01", NA, "1969-12-31")),
    stringsAsFactors = FALSE
  )
  rows$moment <- as.POSIXct(c(1709294400.25, NA, -0.5), origin = "1970-01-01", tz = "Europe/Berlin")
  read <- lapply(encode_rows(rows), jsonlite::fromJSON)
  expect_identical(read[[1]]$number, 0.1 + 0.2)
  expect_identical(read[[3]]$number, 1e300)
  expect_identical(read[[1]][c("whole", "truth", "kind")], list(whole = 7L, truth = TRUE, kind = "x"))
  expect_identical(read[[1]]$text, "a \"b\" \\ \n\u00e9")
  expect_identical(read[[1]]$day, "2024-03-01")
  expect_identical(read[[1]]$moment, "2024-03-01T12:00:00.250000Z")
  expect_identical(read[[3]]$moment, "1969-12-31T23:59:59.500000Z")
  expect_true(all(vapply(read[[2]], is.null, TRUE)))
  expect_identical(read[[3]]$text, "")
})

test_that("a microsecond is not lost", {
  times <- as.POSIXct(1709294400 + c(0.1, 0.3, 0.999999, 0.9999999), origin = "1970-01-01", tz = "UTC")
  expect_identical(substring(iso_time(times), 18), c("00.100000Z", "00.300000Z", "00.999999Z", "01.000000Z"))
})

test_that("what JSON cannot say is refused with its row and column", {
  problem <- tryCatch(encode_rows(data.frame(a = 1:3, b = c(1, Inf, 2))), mlwright_rows_refused = identity)
  expect_identical(problem$problems$row, 2L)
  expect_identical(problem$problems$column, "b")
  for (column in list(as.difftime(1, units = "secs"), 1i, structure(1, class = "integer64"), raw(1))) {
    rows <- data.frame(a = 1)
    rows$b <- column
    expect_error(encode_rows(rows), class = "mlwright_rows_refused")
  }
  rows <- data.frame(a = 1)
  rows$b <- list(1:2)
  expect_error(encode_rows(rows), class = "mlwright_rows_refused")
})

test_that("what are no rows is told", {
  expect_error(encode_rows(data.frame(a = 1)[0, , drop = FALSE]), "there is no row")
  expect_error(encode_rows(matrix(1)), "no rows")
  expect_error(encode_rows(setNames(data.frame(1, 2), c("a", "a"))), "more than one column is called 'a'")
  expect_identical(encode_rows(list(`a b` = 1.5, b = NA)), "{\"a b\":1.5,\"b\":null}")
})

test_that("names are kept as they are", {
  rows <- data.frame(`a b` = 1, `c"d` = 2, check.names = FALSE)
  expect_identical(encode_rows(rows), "{\"a b\":1,\"c\\\"d\":2}")
})
