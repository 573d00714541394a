"""What callers are told and asked, in the language of the account's country."""

from dataclasses import dataclass
from typing import Final

LETTERS_A_SECOND: Final = 15
"""About as fast as a text is spoken."""

FILE_SECONDS: Final = 5.0
"""How long a sound file is taken to be where nobody has it at hand."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sound file of that name where there is a `file`, else a text that is spoken.

    The text is spoken as well where the file cannot be played. `language` is a BCP 47 tag, `link`
    path and query under the backend's root where the file can be had.
    """

    text: str
    language: str
    file: str | None = None
    link: str | None = None

    @property
    def words(self) -> str:
        """What a person reads of it."""
        return self.file or self.text

    @property
    def about_seconds(self) -> float:
        """How long it takes, before it was ever spoken."""
        return FILE_SECONDS if self.file else len(self.text) / LETTERS_A_SECOND


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


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is said instead of an unknown `source` of a call, or of any `other` unknown name."""

    source: str
    other: str


_UNKNOWN: Final = {
    "en": Unknown("unknown source", "unknown"),
    "de": Unknown("unbekannter Quelle", "unbekannt"),
    "fr": Unknown("source inconnue", "inconnu"),
    "es": Unknown("origen desconocido", "desconocido"),
    "ru": Unknown("неизвестный источник", "неизвестно"),
}


def for_unknown(language: str) -> Unknown:
    """In the `language` (BCP 47) where we know it, else in English."""
    return _UNKNOWN.get(language.partition("-")[0].lower(), _UNKNOWN["en"])


def for_extension(region: str) -> Prompt:
    """The question for an extension where numbers are those of `region` (ISO 3166 alpha-2)."""
    return _BY_REGION.get(region, _ENGLISH)


_GATE: Final = {
    "en": "This line is protected from automated calls. To be connected, please press any key.",
    "de": "Dieser Anschluss ist vor automatischen Anrufen geschützt."
    " Um verbunden zu werden, drücken Sie bitte eine beliebige Taste.",
    "fr": "Cette ligne est protégée contre les appels automatiques."
    " Pour être mis en relation, appuyez sur n'importe quelle touche.",
    "es": "Esta línea está protegida contra llamadas automáticas."
    " Para ser atendido, pulse cualquier tecla.",
    "ru": "Эта линия защищена от автоматических звонков."
    " Чтобы вас соединили, нажмите любую клавишу.",
}


def for_gate(language: str) -> Prompt:
    """What a suspect is asked, in the `language` (BCP 47) where we know it, else in English."""
    known = language.partition("-")[0].lower()
    return Prompt(_GATE[known], language) if known in _GATE else Prompt(_GATE["en"], "en-US")


def language_of(region: str) -> str:
    """The BCP 47 tag of what is spoken to callers in `region` (ISO 3166 alpha-2)."""
    return for_extension(region).language
