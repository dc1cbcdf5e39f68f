"""A trained network put to use.

colorizer           photos of any size, coloured and named
inference_network   the trained network with its batch norms folded away
portable            a network in a folder, without code
onnx_export         the same network as an ONNX file

Imports `training`, `network`, `datasets`, `color`.
"""
