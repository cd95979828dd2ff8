"""Extract an entry, a piece at a time, and check it against the directory."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.zip_orchestrator.directory import Place

PIECE = 1024 * 1024
"""The most bytes that come out at once, whatever went in."""


def extracted(chunks: Iterable[bytes], place: Place) -> Iterator[bytes]:
    """An entry's bytes; the chunks are its data as the archive stores it.

    Raises:
        InvalidFileError: the data is damaged, or is not what the directory says.
    """
    pieces = iter(chunks) if place.method == zipfile.ZIP_STORED else _inflated(chunks)
    size, crc = 0, 0
    for piece in pieces:
        size += len(piece)
        if size > place.size:
            raise _wrong_size()
        crc = zlib.crc32(piece, crc)
        yield piece
    if size != place.size:
        raise _wrong_size()
    if crc != place.crc:
        raise InvalidFileError("damaged", "the file's checksum is wrong; make the archive anew")


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            if inflater.eof:
                raise _wrong_size()
            rest = chunk
            while rest and not inflater.eof:
                piece = inflater.decompress(rest, PIECE)
                rest = inflater.unconsumed_tail
                if piece:
                    yield piece
        while not inflater.eof and (piece := inflater.decompress(b"", PIECE)):
            yield piece
    except zlib.error as error:
        raise InvalidFileError(
            "damaged", "the file's compressed data is damaged; make the archive anew"
        ) from error
    if not inflater.eof or inflater.unused_data:
        raise _wrong_size()


def _wrong_size() -> InvalidFileError:
    return InvalidFileError(
        "wrong_size", "the file is not as large as the archive says; make the archive anew"
    )
