"""Splits, metrics, intervals and calibration: the numbers one can stake a decision on.

Arrays in, values of `base.evaluation` out. It knows no learner and no file.
"""
