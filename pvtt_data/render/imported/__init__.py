"""Products from model files: glTF, and the folder layouts of two public collections."""
