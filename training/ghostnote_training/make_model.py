"""From a folder of sounds to a model that can be played: stages that each survive being killed."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from ghostnote.errors import UsageError
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import asking, checkpoint, classifier, data, finishing, placing, stopping
from ghostnote_training.asking import Request
from ghostnote_training.convergence import HeldOut
from ghostnote_training.dataset import Dataset, DatasetOptions, open_dataset
from ghostnote_training.dataset.options import SENSITIVITIES
from ghostnote_training.dataset.walk import printable
from ghostnote_training.presets import PRESETS, Preset
from ghostnote_training.run_folder import RunFolder
from ghostnote_training.show import Show, clock
from ghostnote_training.train import Run, Watching

HELD_OUT_SOUNDS = 64
LEAST_SHARE = 0.4
"""The VAE trains for at least this share of the time, however long the rest took."""


def make(request: Request, show: Show, program: str) -> int:
    """Carry out a request; the exit status. Raises GhostnoteError for what a person can mend."""
    target = placing.destination(request.name, request.out)
    folder = RunFolder(request.run_folder)
    with folder.alone():
        asking.check(request)  # once more, now that nobody else is there
        _settle(request, folder)
        making = Making(request, folder, show, program)
        try:
            return making.put(target) if making.learn() else asking.STOPPED
        except KeyboardInterrupt:
            show.say(making.how_to_go_on("stopped, all that is finished is saved"))
            return asking.STOPPED


def _settle(request: Request, folder: RunFolder) -> None:
    """Begin a run or go on with one. Raises UsageError where it is another version's."""
    chosen = asking.settings(request, folder.settings if request.goes_on else {})
    recipe = json.loads(json.dumps(PRESETS[chosen["preset"]].as_dict()))
    if not request.goes_on:
        folder.begin({**chosen, "recipe": recipe, "licence": request.licence, "credit": request.credit})
    elif recipe != folder.settings["recipe"]:
        raise UsageError(
            f"{folder.path}: the run there was begun with another version of ghostnote, whose preset "
            f"{chosen['preset']!r} was different; begin anew with --fresh"
        )


class Making:
    """One request on its way through the stages."""

    def __init__(self, request: Request, folder: RunFolder, show: Show, program: str) -> None:
        self.request, self.folder, self.show, self.program = request, folder, show, program
        self.settings = folder.settings
        self.preset: Preset = PRESETS[self.settings["preset"]]
        self.spec = FeatureSpec()
        self._began = time.monotonic()

    def learn(self) -> bool:
        """All stages until the model is in the run's folder; False when it was stopped."""
        if self.folder.state.get("stage") == "done" and not self.request.export:
            return True
        sounds = self._open()
        heard = self._classifier(sounds)
        run = self._run(heard)
        if not self.request.export and self.folder.state.get("stage") != "bundle":
            if not self._train(run, sounds):
                return False
            self.folder.note(stage="bundle", step=run.step)
        elif not self._resumed(run):
            raise UsageError(
                f"{self.folder.path}: nothing was learnt yet that could be exported; go on with --resume"
            )
        self._finish(run, heard, sounds)
        return True

    def _open(self) -> Dataset:
        cut = self.settings.get("cut", asking.DEFAULTS["cut"])
        options = DatasetOptions(
            classes=self.settings["classes"],
            synth_share=self.settings["synthesis"],
            seed=self.settings["seed"],
            segment=cut != "never",
            cuts=SegmentOptions(sensitivity=SENSITIVITIES.get(cut, 0.0)),
        )
        self.show.stage("Looking at the sounds")
        shown = [""]

        def progress(what: str, done: int, total: int) -> None:
            if what != shown[0]:
                shown[0] = what
                self.show.stage(what.capitalize())
            self.show.advance(done, total, f"{done} of {total}")

        found = open_dataset(
            self.request.folder, options, self.folder.path.parent / "cache", progress, self.spec
        )
        found.report.write(self.folder.path)
        if self.folder.state.get("stage") == "sounds":
            for line in found.report.as_text().splitlines():
                self.show.say(line)
        known = self.folder.state.get("classes")
        if known is not None and list(found.classes) != known:
            raise UsageError(
                f"{self.request.folder}: its classes are others than when the run began "
                f"({', '.join(known) or 'none'}); "
                "put the folders back, or begin anew with --fresh"
            )
        self.folder.note(classes=list(found.classes))
        return found

    def _classifier(self, sounds: Dataset) -> keras.Model | None:
        """The classifier, trained at the first call; it is also the ear that listens to the VAE."""
        if not sounds.classes:
            return None
        path, options = self.folder.path / "classifier.npz", self.preset.classifier
        classes, net = len(sounds.classes), self.preset.net
        with suppress(FileNotFoundError, KeyError, ValueError):  # a damaged one is learnt anew
            _, model = classifier.build(classes, self.spec, net)
            model.set_weights(checkpoint.load(path)[0]["classifier"])
            return model
        self.show.stage("Learning the classes")
        self.folder.note(stage="classifier")
        views = classifier.to_views(sounds.features.__getitem__, len(sounds), self.spec, net)
        labels = np.array([sounds.classes.index(entry.label) for entry in sounds.entries])
        weights = data.draw_weights(sounds.entries, class_power=0.2)
        options = replace(options, seed=options.seed + self.settings["seed"])

        def each(step: int) -> None:
            self.show.advance(step, options.steps)

        model = classifier.train(
            views, labels, weights, self.spec, net, options, lambda line: None, classes=classes, each=each
        )
        checkpoint.save(path, {"classifier": model.get_weights()}, {})
        return model

    def _run(self, heard: keras.Model | None) -> Run:
        minutes = self.folder.state.get("vae_minutes")
        if minutes is None:
            total = self.settings["minutes"] or self.preset.minutes
            spent = (time.monotonic() - self._began) / 60.0
            rest = self.preset.rest_minutes * min(1.0, total / self.preset.minutes)
            minutes = round(max(total - spent - rest, LEAST_SHARE * total), 3)
        options = replace(self.preset.train, minutes=minutes, seed=self.settings["seed"])
        return Run(self.folder.path, self.spec, self.preset.net, self.preset.loss, options, heard)

    @staticmethod
    def _resumed(run: Run) -> bool:
        """Whether a run could go on where it was; it is told when its checkpoint is damaged."""
        try:
            return run.resume()
        except ValueError as error:
            raise UsageError(f"{error}; begin anew with --fresh, which keeps it aside") from None

    def _train(self, run: Run, sounds: Dataset) -> bool:
        """Train the VAE until it converges or its time is over; False when it was stopped."""
        if self.folder.state.get("stage") == "model" and self._resumed(run):
            self.show.say(f"going on at step {run.step}, after {clock(run.elapsed_s)} of training")
        else:
            self.folder.note(stage="model", vae_minutes=run.options.minutes)
        self.show.stage("Learning the sounds")
        self.show.say(
            f"{len(sounds)} sounds with their variants; {run.model.count_params():,} parameters; at most "
            f"{clock(60.0 * run.options.minutes)}"
        )
        test = finishing.measured(sounds)
        numbers = np.linspace(0, len(test.entries) - 1, min(HELD_OUT_SOUNDS, len(test.entries))).astype(
            np.int64
        )
        names = [printable(Path(test.entries[k].sound.what).name) for k in numbers]
        held_out = HeldOut(test.rows(numbers), self.spec, names)
        with stopping.asked() as stop:
            watching = Watching(held_out, self.preset.stop, self.show.moment, stop)
            try:
                run.train(
                    sounds.features, sounds.weights, self.preset.augmentation, lambda line: None, watching
                )
            except FloatingPointError as error:
                raise UsageError(
                    f"the training went astray ({error}); --resume goes on from the last checkpoint; if "
                    "it happens "
                    "again, begin anew with --fresh and another --seed"
                ) from None
        self.folder.note(step=run.step)
        if not run.ended:
            self.show.say(self.how_to_go_on(f"stopped at step {run.step}, the checkpoint is saved"))
            return False
        seen = run.convergence
        why = {
            "converged": f"converged: nothing better than {seen.best:.2f} dB since step {seen.best_step}",
            "time": "the time is used up, it was still getting better",
            "steps": "all steps are done",
        }[run.ended]
        self.show.say(f"trained for {clock(run.elapsed_s)}, {run.step} steps; {why}")
        return True

    def how_to_go_on(self, what: str) -> str:
        """A line for a run that was stopped."""
        base = f"{self.program} {shlex.quote(str(self.request.folder))} --name {self.request.name}"
        base += f" --run {shlex.quote(str(self.request.run))}" if self.request.run else ""
        base += f" --out {shlex.quote(str(self.request.out))}" if self.request.out else ""
        export = (
            f"; make a model of what is learnt: {base} --export"
            if (self.folder.path / "checkpoint.npz").exists()
            else ""
        )
        return f"{what}. Go on: {base} --resume{export}"

    def _finish(self, run: Run, heard: keras.Model | None, sounds: Dataset) -> None:
        """Write the model into the run's folder, aside until it is whole."""
        self.show.stage("Making the model")
        said, called = self.settings, printable(self.request.folder.resolve().name) or "sounds"
        about = {
            "command": f"ghostnote train {shlex.quote(called)} --name "
            f"{said['name']} "
            f"--classes {said['classes']} --preset {said['preset']}",
            "seed": said["seed"],
            "preset": said["preset"],
            "minutes_given": said["minutes"] or self.preset.minutes,
            "synthesis": said["synthesis"],
            "cut": said.get("cut", asking.DEFAULTS["cut"]),
            "recipe": said["recipe"],
        }
        source = {
            "source": called,
            "licence": self.request.licence or said.get("licence") or "not stated",
            "credit": self.request.credit or said.get("credit") or "not stated",
        }
        partial = self.folder.path / "bundle.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            with checkpoint.naming(partial):
                finishing.finish(
                    finishing.Finish(run, self.preset, sounds, heard, said["name"], about, source),
                    partial,
                    self.show.advance,
                )
                shutil.rmtree(self.folder.bundle, ignore_errors=True)
                partial.rename(self.folder.bundle)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        if not self.request.export:
            self.folder.note(stage="done")

    def put(self, target: Path) -> int:
        """Put the model in its place and say what it is."""
        with checkpoint.naming(target):
            kept = placing.place(self.folder.bundle, target, self.request.replace)
        if not self.request.export:
            self.folder.note(placed=True)
        found = placing.present(target)
        spent = clock(time.monotonic() - self._began)
        self.show.close()
        print(f"{self.request.name}: {found}; made in {spent}")
        if kept is not None:
            print(f"the model that was there before is in {kept}")
        print(f"what it learnt, to see and hear: {target / 'page.html'}")
        name = self.request.name if self.request.out is None else str(target)
        print(f"play it: ghostnote play --model {shlex.quote(name)}")
        return 0
