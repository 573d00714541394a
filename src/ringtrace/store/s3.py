"""A bucket of any S3-compatible service, told by a URL and the usual names of the environment."""

import os
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

_CONNECT_SECONDS: Final = 5
_REQUEST_SECONDS: Final = 30
_RETRIES: Final = 2
_RETRY_SECONDS: Final = 20


def open_s3(url: str, setting: str) -> S3Store:
    """`url` is s3://BUCKET or s3://BUCKET/PREFIX, `setting` its name in what is said of it.

    Raises ValueError; nothing is sent yet.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{setting}: must be s3://BUCKET or s3://BUCKET/PREFIX")
    # The newer name of the setting is for one service alone and goes first, as AWS has it.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    try:
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            endpoint=endpoint,
            region=os.environ.get("AWS_REGION")
            or os.environ.get("AWS_DEFAULT_REGION")
            or "us-east-1",
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
                "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
                "timeout": timedelta(seconds=_REQUEST_SECONDS),
            },
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
            },
        )
    except BaseError as error:
        raise ValueError(f"{setting}: {error}") from None
