# Against a running endpoint: MLWRIGHT_TEST_URL, with the models that tests/clients/test_r.py serves there.
endpoint <- Sys.getenv("MLWRIGHT_TEST_URL")
skip_if(!nzchar(endpoint), "no endpoint is named in MLWRIGHT_TEST_URL")
options(mlwright.pause = function(seconds) NULL)

people <- data.frame(age = c(30.5, NA, 61), member = c(TRUE, FALSE, NA), city = factor(c("Rome", "Oslo", NA)))
client_of <- function(model = "bought", ...) mlwright_client(endpoint, model = model, ...)

test_that("rows are answered in their order, whole or in parts", {
  whole <- predict(client_of(), people)
  expect_identical(nrow(whole), 3L)
  expect_true(all(abs(whole$probability_0 + whole$probability_1 - 1) < 1e-12))
  expect_identical(whole$label, as.integer(whole$probability_1 > whole$probability_0))
  parts <- predict(client_of(), people, batch_rows = 2)
  expect_identical(parts[-1], whole[-1])
  expect_identical(anyDuplicated(parts$prediction_id), 0L)
  one <- predict(client_of(), list(age = 30.5, member = TRUE, city = "Rome"))
  expect_identical(one$probability_1, whole$probability_1[1])
  expect_identical(attr(whole, "model"), substr(mlwright_metadata(client_of())$digest, 1, 12))
  expected <- Sys.getenv("MLWRIGHT_TEST_EXPECTED")
  if (nzchar(expected)) {
    expect_identical(whole$probability_1, unlist(jsonlite::fromJSON(expected)))
  }
})

test_that("sets, abstaining, intervals and explanations are columns", {
  asked <- predict(client_of(), people, sets = 0.3, abstain = 0.05, proba = FALSE)
  expect_true(is.list(asked$set) && any(is.na(asked$label)) && is.null(asked$probability_1))
  price <- data.frame(age = c(40, 10), city = c("Oslo", "Rome"), weeks = c(2, 1))
  ends <- predict(client_of("price"), price, interval = 0.1)
  expect_true(all(ends$low <= ends$prediction & ends$prediction <= ends$high))
  known <- data.frame(age = c(30, 61), member = c(TRUE, FALSE), city = c("Rome", "Oslo"))
  why <- mlwright_explain(client_of("explained"), known)
  sums <- why$base + rowSums(as.matrix(why[grepl("^contribution_", names(why))]))
  expect_equal(sums, why$output, tolerance = 1e-9)
  expect_true(all(lengths(why$reasons) > 0))
})

test_that("what is served is told", {
  expect_setequal(mlwright_models(client_of())$name, c("bought", "price", "explained"))
  expect_identical(mlwright_metadata(client_of("price"))$task, "regression")
  expect_identical(mlwright_schema(client_of())$required, list("age", "member", "city"))
  expect_true(mlwright_health(client_of())$ready)
  expect_error(mlwright_metadata(mlwright_client(endpoint)), "3 models are served here")
})

test_that("bad rows are told by row and column, as R counts", {
  bad <- data.frame(age = c("1", "2", "x"), member = TRUE, city = "Oslo")
  problem <- tryCatch(predict(client_of(), bad, batch_rows = 2), mlwright_rows_refused = identity)
  expect_identical(problem$problems$row[1], 1L)
  expect_identical(problem$problems$column[1], "age")
  expect_identical(problem$code, "row_refused")
  late <- tryCatch(
    predict(client_of(), cbind(people, citty = c("a", "b", "c"))[c(1, 2, 3), ], batch_rows = 2),
    mlwright_rows_refused = identity
  )
  expect_match(late$problems$reason[1], "did you mean 'city'")
  mixed <- people
  mixed$city <- as.character(mixed$city)
  mixed$age <- list(1, 2, 3)
  expect_error(predict(client_of(), mixed), class = "mlwright_rows_refused")
})

test_that("a row that was refused keeps its place where the others are wanted", {
  texts <- data.frame(age = c("1", "1", NA), member = TRUE, city = "Oslo")
  answers <- predict(client_of(), texts, partial = TRUE, batch_rows = 2)
  expect_identical(is.na(answers$prediction_id), c(TRUE, TRUE, FALSE))
  expect_identical(is.na(answers$probability_1), c(TRUE, TRUE, FALSE))
  expect_match(answers$error[2], "row 2, 'age'")
  expect_true(is.na(answers$error[3]))
})

test_that("what cannot be meant is refused", {
  expect_error(predict(client_of(), people, sets = 2), "no error rate", class = "mlwright_misuse")
  expect_error(predict(client_of(), people, set = 0.1, wrong = 2), class = "mlwright_misuse")
  expect_error(predict(client_of("price"), people[1:2], sets = 0.1), class = "mlwright_request_refused")
  expect_error(predict(client_of("prices"), people), "mlwright_models", class = "mlwright_request_refused")
  for (url in c("127.0.0.1", "ftp://a", "http://me:secret@a", "http://a?b=c", "")) {
    expect_error(mlwright_client(url), class = "mlwright_misuse")
  }
  expect_error(mlwright_client("http://a", token = "a b"), class = "mlwright_misuse")
})

test_that("an endpoint that is away is tried again, then told", {
  pauses <- c()
  old <- options(mlwright.pause = function(seconds) pauses <<- c(pauses, seconds))
  away <- mlwright_client("http://127.0.0.1:1", tries = 3)
  expect_error(predict(away, people), class = "mlwright_unreachable")
  options(old)
  expect_length(pauses, 2)
  expect_true(all(pauses >= 0 & pauses <= 0.2))
  expect_false(mlwright_health(away)$alive)
})

test_that("a token lets in, and is not shown", {
  guarded <- Sys.getenv("MLWRIGHT_TEST_GUARDED")
  token <- Sys.getenv("MLWRIGHT_TEST_TOKEN")
  skip_if(!nzchar(guarded), "no guarded endpoint is named")
  client <- mlwright_client(guarded, token = token, model = "bought")
  expect_identical(nrow(predict(client, people)), 3L)
  shown <- paste(capture.output({
    print(client)
    str(client)
  }), collapse = "\n")
  expect_false(grepl(token, shown, fixed = TRUE))
  refused <- tryCatch(predict(mlwright_client(guarded, token = "mlw_0_0"), people), mlwright_access_refused = identity)
  expect_identical(refused$status, 401L)
})

test_that("asking draws no number of R's own", {
  set.seed(1)
  before <- .Random.seed
  predict(client_of(), people)
  expect_error(predict(mlwright_client("http://127.0.0.1:1"), people))
  expect_identical(.Random.seed, before)
})

test_that("an answer that does not come in time is told", {
  slow <- Sys.getenv("MLWRIGHT_TEST_SLOW")
  skip_if(!nzchar(slow), "no slow endpoint is named")
  expect_error(
    predict(mlwright_client(slow, timeout_s = 0.2), people), "was not answered within 0.2 s",
    class = "mlwright_too_slow"
  )
})
