"""What Schemathesis puts where a schema's `format` or the media type says more than JSON Schema can."""

import base64
import datetime
import gzip

import schemathesis
from hypothesis import strategies as st

MAX_NAME_BYTES = 256

# Any character that a name may have. Surrogates are not characters in UTF-8.
characters = st.characters(exclude_categories=["Cc", "Cs"])


def encoded(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def name(excluded=""):
    text = st.one_of(
        st.sampled_from(["demo", "default", "SO4", "001", "Plant 2", "Süd", "50% ?#&+=;", "日本", "a\\b", '"quoted"']),
        st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=excluded), min_size=1, max_size=80),
        st.text(st.sampled_from("abcXYZ 0.-_"), min_size=1, max_size=MAX_NAME_BYTES),
    )
    return text.filter(is_visible)


def is_visible(text):
    """A letter or digit, so that something is left when blanks and invisible characters are trimmed."""
    return len(text.encode()) <= MAX_NAME_BYTES and any(character.isascii() and character.isalnum() for character in text)


# Years within 69,000,000 hours of 1970.
days = st.dates(min_value=datetime.date(1, 1, 2), max_value=datetime.date(9800, 12, 31))
moments = st.datetimes(
    min_value=datetime.datetime(1, 1, 3),
    max_value=datetime.datetime(9800, 12, 31),
    timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=-6))]),
)

query_times = st.one_of(
    days.map(datetime.date.isoformat),
    moments.map(datetime.datetime.isoformat),
    moments.map(lambda moment: moment.replace(tzinfo=None).isoformat()),
    st.floats(min_value=-69_000_000, max_value=69_000_000).map(str),
)

schemathesis.openapi.format("name", name())
schemathesis.openapi.format("site-name", name("/").filter(lambda text: text.strip() not in (".", "..")))
schemathesis.openapi.format("file-name", st.sampled_from(["a.csv", "Messung 1.csv", "x.csv.gz"]))
schemathesis.openapi.format("reason", name().filter(lambda text: text.strip() != ""))
schemathesis.openapi.format("source", name().filter(lambda text: len(text.encode()) <= 200))
# Cursors as in answers: a time, and what is at it.
schemathesis.openapi.format("cursor", st.integers(0, 10**15).map(lambda time: encoded(f"{time}/0")))
schemathesis.openapi.format("if-match", st.sampled_from(['"0"', '"1"', "*", 'W/"1"', '"0", "1"']))
schemathesis.openapi.format("date", days.map(datetime.date.isoformat))
schemathesis.openapi.format("date-time", moments.map(datetime.datetime.isoformat))
schemathesis.openapi.format(
    "date-time-local", moments.map(lambda moment: moment.replace(tzinfo=None).isoformat())
)
schemathesis.openapi.format("query-time", query_times)
schemathesis.openapi.format("time-zone", st.sampled_from(["UTC", "America/Chicago", "Asia/Kathmandu"]))


@st.composite
def files(draw, separator=","):
    lines = ["time,species,concentration,unit,site,outfall,qualifier"]
    for _ in range(draw(st.integers(min_value=1, max_value=5))):
        time = draw(st.one_of(st.integers(min_value=0, max_value=10_000).map(str), days.map(datetime.date.isoformat)))
        species = draw(st.sampled_from(["SO4", "As", "pH", "Ni"]))
        value = draw(st.floats(min_value=0, max_value=1e6, width=32))
        site = draw(st.sampled_from(["demo", "north", "Süd"]))
        lines.append(f"{time},{species},{value},mg/L,{site},001,=")
    return "\n".join(lines).replace(",", separator).encode()


schemathesis.openapi.media_type("text/csv", files())
schemathesis.openapi.media_type("text/tab-separated-values", files("\t"))
schemathesis.openapi.media_type("application/gzip", files().map(gzip.compress))
