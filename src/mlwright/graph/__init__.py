"""The graph contract: what a model's ONNX graph may hold, how one is built, and how bytes are checked
before they run.

`build` writes graphs, `trees` writes tree ensembles, `scan` reads bytes and refuses what is off the contract.
Nothing here runs a graph and nothing needs the onnx package.
"""
