"""The Keras training pipeline: data, models, export to ONNX bundles."""
