"""Bytes in and bytes out: a body that is no JSON, and an answer with a media type of its own."""

import array
import io
import math
import wave

from runtime import Response

RATE = 16_000


def tone(hertz: float = 440, seconds: float = 1) -> Response:
    samples = array.array(
        "h", (int(12_000 * math.sin(math.tau * hertz * n / RATE)) for n in range(int(seconds * RATE)))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(samples.tobytes())
    return Response(
        file.getvalue(), media_type="audio/wav", headers={"content-disposition": 'inline; filename="tone.wav"'}
    )


def loudness(sound: bytes) -> dict[str, object]:
    """Takes a file as the whole body (`--data-binary @tone.wav`) or in a form (`-F sound=@tone.wav`)."""
    try:
        with wave.open(io.BytesIO(sound)) as file:
            samples = array.array("h", file.readframes(file.getnframes()))
            seconds = file.getnframes() / file.getframerate()
    except (wave.Error, EOFError):
        return {"status_code": 415, "reason": "this is no WAV file"}
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return {"seconds": seconds, "decibels": round(10 * math.log10(power / 32_768**2 + 1e-12), 1)}
