"""Keeps a training in its run folder: its metrics, and states to go on from."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from scorax import _write
from scorax._errors import Interrupted
from scorax._events import Event, Note, Saved
from scorax.checkpoint._facts import RunFacts, write_run_facts
from scorax.checkpoint._folder import RunFolder, cut_metrics
from scorax.checkpoint._steps import Step
from scorax.records import MetricsLine
from scorax.spec import to_json


@dataclass
class Keeper:
    """Writes what a training reaches into its run folder, which is locked.

    Attributes:
        run: the run folder.
        on_event: hears notes, and what was saved.
        poll: called at every state; returns ``"save"`` to ask for a checkpoint, raises ``Interrupted`` to stop.
        saved: the step that was saved last.
        skipped: steps that were skipped since they were not finite.
    """

    run: RunFolder
    on_event: Callable[[Event], None]
    poll: Callable[[], str | None]
    saved: int | None = None
    skipped: int = 0

    def begin(self, facts: RunFacts, write_facts: Callable[[], None]) -> bool:
        """Whether a step is there to go on from; else what the run is made of is written, the configuration last.

        A run that was killed before its first step begins again.
        """
        if self.run.saved_steps():
            return True
        write_run_facts(self.run, facts)
        # config.json comes last and says that a run was begun: one killed before it has nothing to resume.
        write_facts()
        cut_metrics(self.run, -1)
        return False

    def resume(self, step: Step) -> None:
        """Go on from a step that was read: the metrics are cut back to it."""
        for line in step.skipped:
            self.on_event(Note(f"warning: {line}"))
        cut_metrics(self.run, step.step)
        self.on_event(Note(f"resuming at step {step.step}"))
        self.saved = step.step

    def reached(
        self, step: int, line: MetricsLine | None, write: Callable[[], None], *, due: bool, skipped: int = 0
    ) -> None:
        """Record what was measured at a state, and save it by ``write`` where it is due, asked for or the last before a stop.

        ``skipped`` is how many steps were skipped so far; it is noted, and stands in the log, where it has grown.
        """
        if skipped > self.skipped:
            _write.append_json_line(self.run.log, {"step": step, "skipped": skipped})
            new = skipped - self.skipped
            self.on_event(
                Note(f"warning: {new} steps before step {step} were not finite and are skipped, {skipped} in all")
            )
        self.skipped = skipped
        if line is not None:
            _write.append_json_line(self.run.metrics, to_json(line))
            _write.append_json_line(self.run.log, {"step": step, "time": round(time.time(), 3)})
        try:
            wanted = self.poll()
        except Interrupted:
            if step != self.saved:
                write()
                self.saved = step
            raise
        if (wanted == "save" or due) and step != self.saved:
            self.save(step, write)

    def save(self, step: int, write: Callable[[], None]) -> None:
        """Save a state by ``write``, and say so."""
        write()
        self.saved = step
        self.on_event(Saved(step))
