"""What callers are told and asked, in the language of the account's country."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that is spoken; `language` is a BCP 47 tag."""

    text: str
    language: str


_ENGLISH: Final = Prompt(
    "If you were given a four-digit extension, please enter it now. Otherwise hold the line.",
    "en-US",
)
_BRITISH: Final = Prompt(_ENGLISH.text, "en-GB")
_GERMAN: Final = Prompt(
    "Wenn Sie eine vierstellige Durchwahl haben, geben Sie sie bitte jetzt ein."
    " Sonst bleiben Sie bitte am Apparat.",
    "de-DE",
)
_FRENCH: Final = Prompt(
    "Si vous avez un numéro de poste à quatre chiffres, composez-le maintenant."
    " Sinon, veuillez patienter.",
    "fr-FR",
)
_SPANISH: Final = Prompt(
    "Si tiene una extensión de cuatro dígitos, márquela ahora. De lo contrario, espere.",
    "es-ES",
)
_RUSSIAN: Final = Prompt(
    "Если вам известен добавочный номер из четырёх цифр, наберите его сейчас."  # noqa: RUF001 - Russian
    " Если нет, оставайтесь на линии.",
    "ru-RU",
)

_BY_REGION: Final = {
    **dict.fromkeys(("GB", "IE", "AU", "NZ", "IN", "ZA"), _BRITISH),
    **dict.fromkeys(("DE", "AT", "CH", "LI", "LU"), _GERMAN),
    **dict.fromkeys(("FR", "MC"), _FRENCH),
    **dict.fromkeys(("ES", "MX", "AR", "CO", "CL", "PE", "UY", "EC"), _SPANISH),
    **dict.fromkeys(("RU", "BY", "KZ", "KG"), _RUSSIAN),
}


def for_extension(region: str) -> Prompt:
    """The question for an extension where numbers are those of `region` (ISO 3166 alpha-2)."""
    return _BY_REGION.get(region, _ENGLISH)
