# What a user calls. Requests are made in ask.R, rows written in rows.R, answers read in answers.R.

mlwright_client <- function(url, token = Sys.getenv("MLWRIGHT_TOKEN"), model = NULL, timeout_s = 10,
                            tries = 4, ca_file = NULL) {
  if (!is_text(url) || !grepl("^https?://[^/@?#[:space:]]+(/[^?#@[:space:]]*)?$", url)) {
    refuse("misuse", "this is no address of an endpoint", "give one such as http://127.0.0.1:8080, without a user or a query")
  }
  if (!is.null(model) && (!is_text(model) || !grepl("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", model))) {
    refuse("misuse", "this is no name of a model", "mlwright_models(client) lists yours")
  }
  if (!is_text(token) || grepl("[^\\x21-\\x7e]", token, perl = TRUE)) { # which is not shown
    refuse("misuse", "the token holds what no token holds", "give it without blanks")
  }
  if (!is_number(timeout_s) || timeout_s < 0.001 || timeout_s > 86400) {
    refuse("misuse", "timeout_s is from 0.001 to 86400 seconds", "give such as 10")
  }
  if (!is_number(tries) || tries < 1) refuse("misuse", "tries are at least one", "give such as 4")
  structure(
    list(
      url = sub("/+$", "", url), model = model, timeout_s = timeout_s, tries = tries, ca_file = ca_file,
      # In a function, so that neither print nor str shows it.
      token = local({
        kept <- token
        function() kept
      })
    ),
    class = "mlwright_client"
  )
}

predict.mlwright_client <- function(object, newdata, sets = NULL, interval = NULL, abstain = NULL,
                                    proba = TRUE, partial = FALSE, batch_rows = 500, ...) {
  if (...length()) refuse("misuse", "there is an argument that predict does not know", "see ?predict.mlwright_client")
  query <- query_of(sets = sets, interval = interval, abstain = abstain, proba = proba, partial = partial)
  in_parts(object, newdata, query, batch_rows, read_predictions)
}

mlwright_explain <- function(client, newdata, batch_rows = 16) {
  in_parts(client, newdata, "?explain=true", batch_rows, read_explanations)
}

mlwright_metadata <- function(client) {
  if (!is.null(client$model)) return(as_row(ask(client, of_model(client, ""))))
  models <- mlwright_models(client)
  if (nrow(models) != 1) {
    names <- paste(models$name, collapse = ", ")
    refuse(
      "request_refused", sprintf("%d models are served here: %s", nrow(models), names),
      "name the one that you mean: mlwright_client(url, model = ...)",
      code = "no_such_model"
    )
  }
  models
}

mlwright_models <- function(client) {
  models <- ask(client, "/models")$models
  do.call(rbind, c(list(as_row(list())[0, ]), lapply(models, as_row)))
}

mlwright_schema <- function(client) ask(client, of_model(client, "/schema"))

mlwright_health <- function(client) {
  reply <- tryCatch(send(client, "/ready"), mlwright_unreachable = identity, mlwright_too_slow = identity)
  if (inherits(reply, "condition")) return(list(alive = FALSE, ready = FALSE, why = conditionMessage(reply)))
  told <- body_of(reply)
  list(alive = TRUE, ready = isTRUE(told$ready), why = if (is.null(told$why)) "" else told$why)
}

format.mlwright_client <- function(x, ...) {
  paste0("<mlwright_client of ", x$url, if (!is.null(x$model)) paste0(", model ", x$model), ">")
}

print.mlwright_client <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

# The answers to all rows, part by part, as one data frame in the order of the rows.
in_parts <- function(client, rows, query, batch_rows, read) {
  if (!is_number(batch_rows) || batch_rows < 1) refuse("misuse", "batch_rows is 1 or more", "give such as 500")
  encoded <- encode_rows(rows)
  starts <- seq(1, length(encoded), by = floor(batch_rows))
  parts <- lapply(starts, function(first) {
    part <- encoded[first:min(length(encoded), first + floor(batch_rows) - 1)]
    body <- paste0("[", paste(part, collapse = ","), "]")
    answer <- ask(client, paste0(of_model(client, "/predict"), query), body, first)
    if (length(answer$predictions) != length(part)) {
      refuse("failed", "there are not as many answers as rows", "see what stands in between")
    }
    read(answer, first)
  })
  bind(parts)
}

of_model <- function(client, path) if (is.null(client$model)) path else paste0("/models/", client$model, path)

is_text <- function(x) is.character(x) && length(x) == 1 && !is.na(x)
is_number <- function(x) is.numeric(x) && length(x) == 1 && is.finite(x)

query_of <- function(sets, interval, abstain, proba, partial) {
  rates <- list(set = sets, interval = interval, abstain = abstain)
  said <- c(if (isTRUE(partial)) "partial=true", if (!isTRUE(proba)) "proba=false")
  for (name in names(rates)) {
    rate <- rates[[name]]
    if (is.null(rate)) next
    if (!is_number(rate) || rate <= 0 || rate >= 1) {
      refuse("misuse", paste(name, "is no error rate between 0 and 1"), "give such as 0.1")
    }
    said <- c(said, paste0(name, "=", sprintf("%.17g", rate)))
  }
  if (length(said)) paste0("?", paste(said, collapse = "&")) else ""
}
