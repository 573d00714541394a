"""The use-cases as handlers receive them."""

from typing import Annotated

from litestar.params import Dependency

from ringtrace.services.use_cases import UseCases

Uses = Annotated[UseCases, Dependency(skip_validation=True)]
