"""Photos read by processes of their own, so that one that crashes the decoder, or never ends, costs itself alone.

`python -m trainables.preparation.photo_readers IMAGE_SIZE SECONDS` answers, on its standard output, the paths that it
is handed on its standard input, until that ends: so it ends with whoever started it, however that died, and any program
may start it. Each has pipes of its own: in Pebble's ProcessPool, whose workers share one pipe and its locks, a reader
killed while it answered left the others waiting for ever, and so did Ctrl-C the threads that had asked.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Self

from PIL import Image

from trainables.datasets.photo import Photo, UnreadablePhotoError, read_bytes, read_photo

SECONDS_PER_PHOTO = 10.0
"""Of the processor's time, not the clock's, so that a busy machine leaves out no other photos than an idle one. The
largest photo that is read takes about one; a JPEG of a megabyte that draws its picture a thousand times takes minutes.
"""

TOO_SLOW = "SIGPROF"
"""How a process ends whose time is up."""

CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")
"""How a decoder ends that went astray. Any other signal came from outside and says nothing of the photo."""


class PhotoReaders:
    """As many reading processes as threads may ask at once, each started when first needed and gone after the block."""

    def __init__(self, image_size: int, num_processes: int) -> None:
        self._arguments = [str(image_size), str(SECONDS_PER_PHOTO)]
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
        self._starting, self._is_closed = threading.Lock(), False
        for _ in range(num_processes):
            self._idle.put(None)

    def read(self, path: Path) -> Photo:
        """The photo as `read_photo` reads it.

        Raises UnreadablePhotoError with the reason, ChildProcessError where a reader was killed from outside.
        """
        answer = self._ask(path)
        if answer in CRASHES:
            # A second try tells a photo that crashes the decoder from a stroke of bad luck.
            answer = self._ask(path)
        if isinstance(answer, Photo):
            return answer
        if isinstance(answer, UnreadablePhotoError):
            raise answer
        if answer == TOO_SLOW:
            raise UnreadablePhotoError(f"takes more than {SECONDS_PER_PHOTO:g} seconds to decode")
        if answer in CRASHES:
            raise UnreadablePhotoError(f"crashes the decoder ({answer})")
        where = f"the process that read {str(path)!r} ended with {answer}"
        raise ChildProcessError(f"{where}. Was memory short? The same command continues")

    def _ask(self, path: Path) -> Photo | UnreadablePhotoError | str:
        """A photo, why there is none, or in a word how the process ended over it."""
        process, survivor = self._idle.get(), None
        try:
            if process is None or self._is_closed:
                process = self._start()
            assert process.stdin is not None and process.stdout is not None
            try:
                pickle.dump(path, process.stdin)
                process.stdin.flush()
                answer: Photo | UnreadablePhotoError = pickle.load(process.stdout)
            except (BrokenPipeError, EOFError, pickle.UnpicklingError):
                code = process.wait()
                return signal.Signals(-code).name if code < 0 else f"exit code {code}"
            survivor = process
            return answer
        finally:
            self._idle.put(survivor)

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        # Nothing here multiplies matrices: no threads for it.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "trainables.preparation.photo_readers", *self._arguments]
        with self._starting:
            if self._is_closed:
                raise ChildProcessError("the reading of photos was given up")
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            self._processes.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the processes, busy ones too."""
        with self._starting:
            self._is_closed = True
        for process in self._processes:
            process.kill()
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError), process:  # which closes its pipes and waits for its end
                pass


def _serve(image_size: int, seconds: float) -> None:
    # Whoever started this process ends it; Ctrl-C is for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # Pillow warns of oddities that it copes with; only this one is a reason to leave a photo out.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    while True:
        try:
            path: Path = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: Photo | UnreadablePhotoError
        try:
            content = read_bytes(path)
            _limit(seconds)
            answer = read_photo(content, image_size)
        except UnreadablePhotoError as error:
            answer = error
        _limit(0)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.flush()


def _limit(seconds: float) -> None:
    """Ends this process, whatever it is doing, once it has worked for so long; 0 takes the limit away."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]))
