# Conditions: all are of class mlwright_error, so that tryCatch can take them together or one by one. Rows count from
# one, as R counts.

refuse <- function(kind, message, remedy = "", ..., call = NULL) {
  text <- if (nzchar(remedy)) paste0(message, ". What to do: ", remedy, ".") else message
  stop(structure(
    class = c(paste0("mlwright_", kind), "mlwright_error", "error", "condition"),
    list(message = text, call = call, ...)
  ))
}

refuse_rows <- function(problems, ...) {
  refuse("rows_refused", told_problems(problems), "mend the value, or leave it NA if it is not known", problems = problems, ...)
}

refuse_column <- function(row, column, value, reason, expected) {
  refuse_rows(data.frame(row = row, column = column, value = value, expected = expected, reason = reason))
}

told_problems <- function(problems) {
  first <- problems[1, ]
  text <- sprintf("row %d, '%s': %s, expected %s", first$row, first$column, first$reason, first$expected)
  if (nrow(problems) > 1) paste0(text, sprintf(" (and %d more)", nrow(problems) - 1)) else text
}

# The problems of an answer, by the caller's own count.
problems_of <- function(error, first) {
  do.call(rbind, lapply(error$problems, function(p) {
    hint <- if (is.null(p$did_you_mean)) "" else sprintf(", did you mean '%s'?", p$did_you_mean)
    data.frame(
      row = as.integer(p$row + first), column = p$field, value = p$value, expected = p$expected,
      reason = paste0(p$reason, hint), stringsAsFactors = FALSE
    )
  }))
}

# Raises what an answer other than 200 says.
raise <- function(client, reply, first) {
  status <- httr2::resp_status(reply)
  error <- tryCatch(body_of(reply)$error, mlwright_failed = function(e) NULL)
  if (!is.list(error)) error <- list()
  said <- function(name) if (is.null(error[[name]])) "" else error[[name]]
  request_id <- httr2::resp_header(reply, "X-Request-Id")
  more <- list(status = status, code = said("code"), request_id = if (is.null(request_id)) "" else request_id)
  if (status == 422 && length(error$problems)) {
    return(do.call(refuse_rows, c(list(problems_of(error, first)), more)))
  }
  message <- if (nzchar(said("message"))) said("message") else sprintf("the answer is HTTP status %d, which says nothing more", status)
  kind <- "request_refused"
  remedy <- said("remedy")
  if (status %in% c(401, 403, 407)) {
    kind <- "access_refused"
    remedy <- "give token =, or set MLWRIGHT_TOKEN"
  } else if (status %in% c(429, 503)) {
    kind <- "busy"
  } else if (status >= 500 || status < 400) {
    kind <- "failed"
  } else if (more$code == "no_such_model") {
    remedy <- "mlwright_models(client) lists yours; mlwright_client(url, model = ...) names one"
  }
  do.call(refuse, c(list(kind, message, remedy), more))
}
