"""A folder of sounds as a training set: looked through, split, cut, augmented, and kept as features
on disk.
"""

from ghostnote_training.dataset.opening import Dataset, Sounds, open_dataset
from ghostnote_training.dataset.options import DatasetOptions
from ghostnote_training.dataset.report import Report

__all__ = ["Dataset", "DatasetOptions", "Report", "Sounds", "open_dataset"]
