# Rows of a data frame as JSON objects: numbers with all their digits, texts escaped, what is missing as null. What
# JSON cannot say is refused with its row and column, instead of becoming something else on the way.

encode_rows <- function(rows) {
  if (is.list(rows) && !is.data.frame(rows) && length(names(rows)) == length(rows) && all(lengths(rows) == 1)) {
    rows <- as.data.frame(rows, stringsAsFactors = FALSE, check.names = FALSE, optional = TRUE)
  }
  if (!is.data.frame(rows)) refuse("misuse", "these are no rows", "give a data frame, or a named list for one row")
  if (nrow(rows) == 0) refuse("misuse", "there is no row", "give at least one")
  names <- names(rows)
  if (anyDuplicated(names)) {
    refuse("misuse", sprintf("more than one column is called '%s'", names[anyDuplicated(names)]), "rename it")
  }
  fields <- lapply(names, function(name) paste0(json_text(name), ":", encode_column(rows[[name]], name)))
  if (!length(fields)) return(rep("{}", nrow(rows)))
  paste0("{", do.call(paste, c(fields, sep = ",")), "}")
}

encode_column <- function(column, name) {
  if (inherits(column, "AsIs")) class(column) <- setdiff(class(column), "AsIs")
  if (is.factor(column)) column <- as.character(column)
  if (inherits(column, "POSIXlt")) column <- as.POSIXct(column)
  known <- !is.object(column) || inherits(column, c("Date", "POSIXct"))
  if (!known || !is.atomic(column) || is.complex(column) || is.raw(column) || !is.null(dim(column))) {
    refuse_column(1, name, class(column)[1], paste("of class", class(column)[1]), "texts, numbers, logicals or times")
  }
  missing <- is.na(column)
  written <- if (inherits(column, "POSIXct")) {
    json_text(iso_time(column))
  } else if (inherits(column, "Date")) {
    json_text(format(column, "%Y-%m-%d"))
  } else if (is.character(column)) {
    json_text(column)
  } else if (is.logical(column)) {
    ifelse(column, "true", "false")
  } else if (is.integer(column)) {
    sprintf("%d", column)
  } else {
    wrong <- which(is.infinite(column))
    if (length(wrong)) refuse_column(wrong[1], name, format(column[wrong[1]]), "infinite", "a finite number")
    sprintf("%.17g", column) # all digits of a double
  }
  written[missing] <- "null"
  written
}

# Microseconds, since a time's own seconds are a sum of powers of two, and cutting one would lose a microsecond.
iso_time <- function(times) {
  micros <- round(as.numeric(times) * 1e6)
  seconds <- floor(micros / 1e6)
  whole <- format(as.POSIXct(seconds, origin = "1970-01-01", tz = "UTC"), "%Y-%m-%dT%H:%M:%S", tz = "UTC")
  paste0(whole, sprintf(".%06.0fZ", micros - seconds * 1e6))
}

json_text <- function(texts) {
  texts <- enc2utf8(texts)
  bad <- which(!is.na(texts) & !validUTF8(texts))
  if (length(bad)) refuse("misuse", sprintf("text %d is not UTF-8", bad[1]), "read the file with its encoding")
  texts <- gsub("\\", "\\\\", texts, fixed = TRUE)
  texts <- gsub("\"", "\\\"", texts, fixed = TRUE)
  odd <- grepl("[[:cntrl:]]", texts)
  if (any(odd)) {
    for (code in 1:31) {
      texts[odd] <- gsub(intToUtf8(code), sprintf("\\u%04x", code), texts[odd], fixed = TRUE)
    }
  }
  paste0("\"", texts, "\"")
}
