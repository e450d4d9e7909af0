"""What small, standard and large mean: sizes of the networks, length of the training, time for all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ghostnote_training.augment import Augmentation
from ghostnote_training.axes import AxisOptions
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.convergence import StopOptions
from ghostnote_training.nets import NetOptions
from ghostnote_training.train import TrainOptions
from ghostnote_training.vae import LossOptions


@dataclass(frozen=True)
class Preset:
    """All that decides what comes out of a folder of sounds. `minutes` is for everything, from the
    first file that is read to the model in its place; what is not the VAE's training is estimated to
    take `rest_minutes` after it.
    """

    minutes: float
    rest_minutes: float
    net: NetOptions
    loss: LossOptions
    train: TrainOptions
    stop: StopOptions = field(default_factory=StopOptions)
    augmentation: Augmentation = field(default_factory=Augmentation)
    classifier: ClassifierOptions = field(default_factory=ClassifierOptions)
    axes: AxisOptions = field(default_factory=AxisOptions)
    draws: int = 300
    per_class: int = 12

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, as stored beside the result."""
        return asdict(self)


_TRAIN = TrainOptions(save_every_s=30.0, report_every=100)

PRESETS = {
    "small": Preset(
        minutes=18.0,
        rest_minutes=2.5,
        net=NetOptions(
            widths=(128, 96, 80, 64),
            encoder_widths=(128, 96, 80, 48),
            blocks=(2, 1, 1, 1),
            encoder_blocks=(2, 1, 1, 1),
            hidden=224,
            coarse=40,
            spectra=64,
            classifier_widths=(48, 192, 96),
        ),
        loss=LossOptions(kl_target_nats=45.0),
        train=_TRAIN,
        classifier=ClassifierOptions(steps=800),
        axes=AxisOptions(points=48, measured=24, steps=7),
    ),
    "standard": Preset(
        minutes=90.0,
        rest_minutes=5.0,
        net=NetOptions(),
        loss=LossOptions(kl_target_nats=60.0),
        train=_TRAIN,
        stop=StopOptions(every_steps=200, patience=10),
        classifier=ClassifierOptions(steps=1500),
        axes=AxisOptions(points=100, measured=60),
    ),
    "large": Preset(
        minutes=480.0,
        rest_minutes=10.0,
        net=NetOptions(classifier_members=3),
        loss=LossOptions(),
        train=_TRAIN,
        stop=StopOptions(every_steps=400, patience=12, least=0.002),
        classifier=ClassifierOptions(steps=3000),
        draws=1000,
        per_class=24,
    ),
}
