"""Intervals, resampling and tests: numpy arrays in, numbers out.

Used by `evaluation`, `checks` and later `monitoring`. It knows nothing of data sets, models or metrics.
Import the module you need (`intervals`, `ranking`, `resampling`, `multiple`, `association`): some need
scipy, which a serving machine does not have.
"""
