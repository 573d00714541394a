"""The floor: the product's HTTP server and plumbing around nothing.

Same event loop, HTTP parser and settings as `ringtrace serve`; reads the body, decodes it into the
product's own struct, encodes an answer of the product's own shape. No store, no domain.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
import uvloop

from ringtrace.config import write_private
from ringtrace.domain.flow import Target
from ringtrace.domain.number import written
from ringtrace.domain.visit import HitKind
from ringtrace.web.asgi import Header, Receive, Scope, Send, decode, read_body, respond
from ringtrace.web.asgi import respond_json as answer_json
from ringtrace.web.telephony import PREFIX, ArrivalForm, DialForm, PlanForm, ReportForm
from ringtrace.web.tracking import HitForm

BACKLOG = 2_048
