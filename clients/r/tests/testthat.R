library(testthat)
library(mlwright)
test_check("mlwright")
