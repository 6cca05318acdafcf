"""Trust policies, as C2SP's tlog-policy has them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Cosigner
from audit.note import Ed25519Signer
from audit.policy import Policy, PolicyRefused


def key(number: int) -> str:
    private = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return str(Cosigner(f"w{number}.example", private).verifier_key)


LOG = str(Ed25519Signer("example.org/events", Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier_key)
# The example of the specification, with keys.
EXAMPLE = f"""
log {LOG} https://example.org/log

witness X1 {key(1)}
witness X2 {key(2)} https://x2.example
  witness\tX3   {key(3)}
# a comment
group X-witnesses 2 X1 X2 X3
witness Y1 {key(4)}
witness Y2 {key(5)}
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification_means_what_it_says() -> None:
    policy = Policy.parse(EXAMPLE.encode())
    assert [str(log.key) for log in policy.logs] == [LOG]
    assert [(one.name, one.url) for one in policy.witnesses][1] == ("X2", "https://x2.example")
    assert policy.satisfied_by({"X1", "X3", "Y2"})
    for too_few in ({"X1", "Y1"}, {"X1", "X2", "X3"}, {"Y1", "Y2"}, set[str](), {"X-witnesses", "Y1"}):
        assert not policy.satisfied_by(too_few)


def test_a_policy_may_ask_for_nobody_or_for_one() -> None:
    assert Policy.parse(b"quorum none").satisfied_by(())
    one = Policy.parse(f"witness a {key(1)}\nquorum a\n".encode())
    assert one.satisfied_by({"a"})
    assert not one.satisfied_by(())


def test_a_name_may_be_written_in_any_script() -> None:
    policy = Policy.parse(f"witness Prüferin {key(1)}\nquorum Prüferin".encode())
    assert policy.satisfied_by({policy.witnesses[0].name})


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        f"witness a {key(1)}",
        "quorum a",
        f"witness a {key(1)}\nquorum a\nquorum a",
        f"witness a {key(1)}\nwitness a {key(2)}\nquorum a",
        f"witness a {key(1)}\nwitness b {key(1)}\nquorum a",
        f"witness none {key(1)}\nquorum none",
        f"witness a {LOG}\nquorum a",
        "witness a b\nquorum a",
        f"group g all a\nwitness a {key(1)}\nquorum g",
        f"witness a {key(1)}\ngroup g 2 a\nquorum g",
        f"witness a {key(1)}\ngroup g 0 a\nquorum g",
        f"witness a {key(1)}\ngroup g all\nquorum g",
        f"witness a {key(1)}\ngroup g all a\ngroup h all a\nquorum g",
        f"witness a {key(1)}\ngroup g all none\nquorum g",
        f"log {LOG}\nlog {LOG}\nquorum none",
        "quorum none extra",
        "quorum none\r",
        "anything else\nquorum none",
    ],
)
def test_what_is_not_understood_is_refused(wrong: str) -> None:
    with pytest.raises(PolicyRefused):
        Policy.parse(wrong.encode())
