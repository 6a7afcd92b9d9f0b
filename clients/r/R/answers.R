# Answers as data frames, in the order of the rows: what is not answered is NA.

read_predictions <- function(answer, first) {
  rows <- answer$predictions
  columns <- list(prediction_id = column_of(rows, "prediction_id", NA_character_))
  # Whether it is there at all, not whether it is null: a model that abstains answers null.
  if (any(vapply(rows, function(row) "label" %in% names(row), TRUE))) {
    columns$label <- column_of(rows, "label", NA)
  }
  classes <- unique(unlist(lapply(rows, function(row) names(row$probability))))
  for (class in classes) {
    columns[[paste0("probability_", class)]] <-
      vapply(rows, function(row) if (is.null(row$probability)) NA_real_ else as.numeric(row$probability[[class]]), 0)
  }
  if (any(vapply(rows, function(row) !is.null(row$prediction), TRUE))) {
    columns$prediction <- as.numeric(column_of(rows, "prediction", NA_real_))
  }
  if (any(vapply(rows, function(row) !is.null(row$set), TRUE))) {
    columns$set <- I(lapply(rows, function(row) unlist(row$set)))
  }
  if (any(vapply(rows, function(row) !is.null(row$interval), TRUE))) {
    ends <- function(at) vapply(rows, function(row) if (is.null(row$interval)) NA_real_ else as.numeric(row$interval[[at]]), 0)
    columns$low <- ends(1)
    columns$high <- ends(2)
  }
  if (any(vapply(rows, function(row) !is.null(row$error), TRUE))) {
    columns$error <- vapply(rows, function(row) {
      if (is.null(row$error)) return(NA_character_)
      told_problems(problems_of(row$error, first))
    }, "")
  }
  framed(columns, answer)
}

read_explanations <- function(answer, first) {
  rows <- answer$predictions
  why <- lapply(rows, function(row) row$explanation)
  columns <- read_predictions(answer, first)
  columns$base <- vapply(why, function(w) as.numeric(w$base), 0)
  columns$output <- vapply(why, function(w) as.numeric(w$output), 0)
  for (name in names(why[[1]]$contributions)) {
    columns[[paste0("contribution_", name)]] <- vapply(why, function(w) as.numeric(w$contributions[[name]]), 0)
  }
  columns$reasons <- I(lapply(why, function(w) unlist(w$reasons)))
  framed(as.list(columns), answer)
}

column_of <- function(rows, name, missing) {
  unlist(lapply(rows, function(row) if (is.null(row[[name]])) missing else row[[name]]))
}

framed <- function(columns, answer) {
  frame <- as.data.frame(columns, stringsAsFactors = FALSE, check.names = FALSE, optional = TRUE)
  attr(frame, "model") <- answer$model
  frame
}

# Parts may differ in their columns, where rows of one were refused and none of another.
bind <- function(parts) {
  model <- attr(parts[[1]], "model")
  names <- unique(unlist(lapply(parts, names)))
  parts <- lapply(parts, function(part) {
    for (name in setdiff(names, names(part))) part[[name]] <- rep(NA, nrow(part))
    part[names]
  })
  whole <- do.call(rbind, parts)
  rownames(whole) <- NULL
  attr(whole, "model") <- model
  whole
}

as_row <- function(info) {
  text <- function(name) if (is.null(info[[name]])) NA_character_ else as.character(info[[name]])
  data.frame(
    name = text("name"), version = text("version"), digest = text("digest"), task = text("task"),
    target = text("target"), ready = isTRUE(info$ready), stringsAsFactors = FALSE
  )
}
