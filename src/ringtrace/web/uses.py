"""The use-cases as handlers receive them."""

from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ringtrace.services.use_cases import UseCases

Uses: TypeAlias = NamedDependency[SkipValidation[UseCases]]
