"""Photos read by processes of their own, so that one that crashes the decoder, or never ends, costs itself alone.

`python -m trainables.preparation.photo_readers IMAGE_SIZE SECONDS` answers, on its standard output, the paths that it
is handed on its standard input, until that ends: so it ends with whoever started it, however that died.
Letters: H, W the prepared size; G the side of a thumbnail.
"""

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from trainables.datasets.photo import THUMBNAIL_SIZE, Photo, UnreadablePhotoError, read_bytes, read_photo

SECONDS_PER_PHOTO = 10.0
"""Of the processor's time, not the clock's, so that a busy machine leaves out no other photos than an idle one. The
largest photo that is read takes about one; a JPEG of a megabyte that draws its picture a thousand times takes minutes.
"""

LENGTH = struct.Struct("<I")

TOO_SLOW = "SIGPROF"
"""How a process ends whose time is up."""

CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")
"""How a decoder ends that went astray. Any other signal came from outside and says nothing of the photo."""


class PhotoReaders:
    """As many reading processes as threads may ask at once; each is started when it is first needed."""

    def __init__(self, image_size: int, num_processes: int) -> None:
        self._arguments = [str(image_size), str(SECONDS_PER_PHOTO)]
        self._image_size = image_size
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
        self._starting, self._is_closed = threading.Lock(), False
        for _ in range(num_processes):
            self._idle.put(None)

    def read(self, path: Path) -> Photo:
        """The photo as `read_photo` reads it.

        Raises UnreadablePhotoError with the reason, ChildProcessError where a reader was killed from outside.
        """
        for is_last in (False, True):
            process = self._idle.get()
            try:
                if process is None or self._is_closed:
                    process = self._start()
                answer = _ask(process, path, self._image_size)
            except BaseException:
                self._idle.put(None)
                raise
            if answer is not None:
                self._idle.put(process)
                break
            self._idle.put(None)
            end = _end(process.wait())
            if end == TOO_SLOW:
                raise UnreadablePhotoError(f"takes more than {SECONDS_PER_PHOTO:g} seconds to decode")
            if end not in CRASHES:
                where = f"the process that read {str(path)!r} ended with {end}"
                raise ChildProcessError(f"{where}. Was memory short? The same command continues")
            # A second try tells a photo that crashes the decoder from a stroke of bad luck.
            if is_last:
                raise UnreadablePhotoError(f"crashes the decoder ({end})")
        assert answer is not None
        if isinstance(answer, str):
            raise UnreadablePhotoError(answer)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        # Nothing here multiplies matrices: no threads for it.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"}
        with self._starting:
            if self._is_closed:
                raise ChildProcessError("the reading of photos was given up")
            process = subprocess.Popen(
                [sys.executable, "-m", "trainables.preparation.photo_readers", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            self._processes.append(process)
        return process

    def close(self) -> None:
        """Ends the processes, busy ones too."""
        with self._starting:
            self._is_closed = True
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()


@contextlib.contextmanager
def photo_readers(image_size: int, num_processes: int) -> Iterator[PhotoReaders]:
    """Readers that are gone after the block."""
    readers = PhotoReaders(image_size, num_processes)
    try:
        yield readers
    finally:
        readers.close()


def _ask(process: subprocess.Popen[bytes], path: Path, image_size: int) -> Photo | str | None:
    """A photo, the reason why there is none, or None where the process ended over it."""
    assert process.stdin is not None and process.stdout is not None
    name = os.fsencode(path)
    try:
        process.stdin.write(LENGTH.pack(len(name)) + name)
        process.stdin.flush()
    except BrokenPipeError:
        return None
    head = _receive(process.stdout)
    if head is None:
        return None
    fields: dict[str, Any] = json.loads(head)
    if "reason" in fields:
        return str(fields["reason"])
    arrays = _receive(process.stdout)
    if arrays is None:
        return None
    num_pixel_bytes = 3 * image_size**2
    return Photo(
        pixels_HW3=np.frombuffer(arrays[:num_pixel_bytes], np.uint8).reshape(image_size, image_size, 3),
        thumbnails_2GG3=np.frombuffer(arrays[num_pixel_bytes:], np.uint8).reshape(2, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3),
        original_size=tuple(fields["original_size"]),
        orientation=fields["orientation"],
        chroma=fields["chroma"],
        format_name=fields["format_name"],
    )


def _end(return_code: int) -> str:
    """How a process ended, in a word."""
    return signal.Signals(-return_code).name if return_code < 0 else f"exit code {return_code}"


def _receive(stream: IO[bytes]) -> bytes | None:
    """What was sent with its length before it; None where the stream ends first."""
    length = stream.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    content = stream.read(LENGTH.unpack(length)[0])
    return content if len(content) == LENGTH.unpack(length)[0] else None


def _serve(image_size: int, seconds: float) -> None:
    # Whoever started this process ends it; Ctrl-C is for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # Pillow warns of oddities that it copes with; only this one is a reason to leave a photo out.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while (name := _receive(requests)) is not None:
        try:
            content = read_bytes(Path(os.fsdecode(name)))
            _limit(seconds)
            photo = read_photo(content, image_size)
            _limit(0)
        except UnreadablePhotoError as error:
            _limit(0)
            _send(answers, json.dumps({"reason": str(error)}).encode())
        else:
            fields = {
                field: getattr(photo, field) for field in ("original_size", "orientation", "chroma", "format_name")
            }
            _send(answers, json.dumps(fields).encode())
            _send(answers, photo.pixels_HW3.tobytes() + photo.thumbnails_2GG3.tobytes())
        answers.flush()


def _limit(seconds: float) -> None:
    """Ends this process, whatever it is doing, once it has worked for so long; 0 takes the limit away."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _send(stream: IO[bytes], content: bytes) -> None:
    stream.write(LENGTH.pack(len(content)) + content)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]))
