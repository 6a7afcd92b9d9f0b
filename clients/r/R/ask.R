# One question and its answer over HTTP, with further tries where there is no connection or the endpoint is busy.

again <- c(429, 502, 503, 504)
first_pause_s <- 0.1
longest_pause_s <- 10

# The answer to a question as a list; `body` is JSON. Raises what the endpoint says.
ask <- function(client, path, body = NULL, first = 1) {
  id <- request_id()
  made <- 0
  repeat {
    made <- made + 1
    reply <- tryCatch(send(client, path, body, id), mlwright_unreachable = identity)
    broke <- inherits(reply, "condition")
    wait_s <- if (broke) 0 else retry_after_s(reply)
    over <- made >= client$tries || wait_s > longest_pause_s
    if (broke && over) stop(reply)
    if (!broke && (over || !(httr2::resp_status(reply) %in% again))) break
    grown_s <- min(longest_pause_s, first_pause_s * 2^(made - 1))
    getOption("mlwright.pause", Sys.sleep)(min(longest_pause_s, wait_s + draw() * grown_s))
  }
  if (httr2::resp_status(reply) != 200) raise(client, reply, first)
  body_of(reply)
}

send <- function(client, path, body = NULL, id = request_id()) {
  request <- httr2::request(paste0(client$url, path))
  request <- httr2::req_headers(request, "X-Request-Id" = id)
  request <- httr2::req_timeout(request, client$timeout_s)
  # A redirect could take a token elsewhere.
  request <- httr2::req_options(request, followlocation = FALSE)
  if (!is.null(client$ca_file)) request <- httr2::req_options(request, cainfo = client$ca_file)
  request <- httr2::req_error(request, is_error = function(reply) FALSE)
  if (nzchar(client$token())) request <- httr2::req_auth_bearer_token(request, client$token())
  if (!is.null(body)) {
    # Whoever no longer waits is not worked for.
    request <- httr2::req_headers(request, "X-Deadline-Ms" = sprintf("%.0f", client$timeout_s * 1000))
    request <- httr2::req_body_raw(request, charToRaw(body), type = "application/json")
  }
  tryCatch(keeping_seed(httr2::req_perform(request)), error = function(error) {
    why <- conditionMessage(error)
    if (!is.null(error$parent)) why <- conditionMessage(error$parent)
    if (grepl("time[d]? ?out", why, ignore.case = TRUE)) {
      refuse("too_slow", sprintf("%s was not answered within %g s", sub("[?].*", "", path), client$timeout_s),
        "allow more by timeout_s, or send fewer rows at a time", request_id = id)
    }
    refuse("unreachable", paste0("there is no connection to ", client$url, ": ", why), "see whether it runs there")
  })
}

body_of <- function(reply) {
  tryCatch(
    jsonlite::fromJSON(httr2::resp_body_string(reply), simplifyVector = FALSE),
    error = function(error) {
      refuse("failed", "this is no answer of an endpoint of mlwright", "see what stands in between",
        status = httr2::resp_status(reply))
    }
  )
}

retry_after_s <- function(reply) {
  said <- httr2::resp_header(reply, "Retry-After")
  if (is.null(said) || !grepl("^[0-9]{1,9}$", said)) 0 else as.numeric(said)
}

# Asking an endpoint must not change what set.seed began, but httr2 draws numbers where there is no connection.
keeping_seed <- function(code) {
  before <- get0(".Random.seed", envir = globalenv(), inherits = FALSE)
  on.exit(if (!is.null(before)) assign(".Random.seed", before, envir = globalenv()))
  code
}

# Names of temporary files are drawn apart from R's own numbers.
request_id <- function() basename(tempfile("r-"))
draw <- function() {
  digits <- basename(tempfile(""))
  strtoi(substring(digits, nchar(digits) - 5), 16L) / 16777216
}
