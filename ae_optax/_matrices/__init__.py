"""Functions of matrices: products, roots, bases, orthogonal factors, blocks.

Pure, on stacks of matrices, in the dtype of what comes in: at least float32 is up to the caller.
"""
