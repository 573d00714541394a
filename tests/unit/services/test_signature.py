"""Who has the key can sign; nobody else, and nothing else."""

from ringtrace.services.signature import Signer


def test_a_signature_is_that_of_rfc_2104() -> None:
    # RFC 4231, test case 2.
    signed = Signer(b"Jefe").sign("what do ya want for nothing?")

    assert signed == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_it_holds_for_its_text_and_its_key_alone() -> None:
    signature = Signer(b"key").sign("a link")

    assert Signer(b"key").has_signed("a link", signature)
    assert not Signer(b"key").has_signed("another link", signature)
    assert not Signer(b"other").has_signed("a link", signature)
    assert not Signer(b"key").has_signed("a link", "ü")
