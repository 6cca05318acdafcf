"""Which purpose each command processes personal data for. One registry; a command that is not in it fails a test.

A command under a purpose needs a consent in force at the time that it is about. The others rest on another legal basis, and say why.
"""

from dataclasses import dataclass

from domain.vocabulary import LegalBasis, Purpose


@dataclass(frozen=True, slots=True)
class OtherBasis:
    """A legal basis that is not consent, and why it carries the command.

    `even_restricted`: it goes on while the use of the person's data is restricted (GDPR article 18 (2)).
    """

    basis: LegalBasis
    why: str
    even_restricted: bool = False


_KEEPING_ORDER = OtherBasis(LegalBasis.LEGITIMATE_INTERESTS, "the organisation must know who answers for a case")
_CONSENT_ITSELF = OtherBasis(
    LegalBasis.LEGAL_OBLIGATION, "what a person decided about their data must be on record", True
)
_RECTIFICATION = OtherBasis(
    LegalBasis.LEGAL_OBLIGATION, "a person's right to have wrong data put right is never blocked", True
)
_RIGHTS = OtherBasis(LegalBasis.LEGAL_OBLIGATION, "a person's rights in their data are never blocked", True)
_CLAIMS = OtherBasis(LegalBasis.LEGAL_OBLIGATION, "evidence must not be destroyed while a claim or a duty stands", True)
_REPORTING = OtherBasis(
    LegalBasis.LEGITIMATE_INTERESTS,
    "whoever pays is told how many were helped; whom the figures count was asked before, and they point at nobody",
)

BASIS_OF: dict[str, Purpose | OtherBasis] = {
    # Person
    "register": OtherBasis(
        LegalBasis.CONTRACT, "the person asks to take part; nothing else is kept before they decide"
    ),
    "correct_details": _RECTIFICATION,
    # Rights
    "propose_erasure": _RIGHTS,
    "request_erasure": _RIGHTS,
    "refuse_erasure": _RIGHTS,
    "approve_erasure": _RIGHTS,
    "confirm_erased": _RIGHTS,
    "restrict": _RIGHTS,
    "lift_restriction": _RIGHTS,
    "object_to": _RIGHTS,
    "decide_objection": _RIGHTS,
    "hand_out_copy": _RIGHTS,
    "place_hold": _CLAIMS,
    "release_hold": _CLAIMS,
    "note_funding": _CLAIMS,
    # Mentorship: lifecycle
    "start": OtherBasis(LegalBasis.CONTRACT, "the person asks to take part; consents are then asked one by one"),
    "pause": _KEEPING_ORDER,
    "resume": _KEEPING_ORDER,
    "hand_over": _KEEPING_ORDER,
    "close": _KEEPING_ORDER,
    # Consent
    "decide_consent": _CONSENT_ITSELF,
    "override_consent": OtherBasis(
        LegalBasis.VITAL_INTERESTS,
        "somebody's life or health is in danger, and they can't be asked or said no",
        even_restricted=True,
    ),
    "review_override": OtherBasis(
        LegalBasis.LEGAL_OBLIGATION, "a use of data without a consent must be accounted for", even_restricted=True
    ),
    # Goals and sessions
    "set_goal": Purpose.MENTORING,
    "revise_goal": Purpose.MENTORING,
    "reach_goal": Purpose.MENTORING,
    "drop_goal": Purpose.MENTORING,
    "hold_session": Purpose.MENTORING,
    # Appointments
    "book_appointment": Purpose.MENTORING,
    "move_appointment": Purpose.MENTORING,
    "cancel_appointment": Purpose.MENTORING,
    "miss_appointment": Purpose.MENTORING,
    "conclude_appointment": Purpose.MENTORING,
    "complete_next_step": Purpose.MENTORING,
    "record_accompaniment": Purpose.ACCOMPANIMENT,
    # Credentials
    "open_credential_path": Purpose.CREDENTIAL_RECOGNITION,
    "take_credential_step": Purpose.CREDENTIAL_RECOGNITION,
    "decide_credential": Purpose.CREDENTIAL_RECOGNITION,
    "appeal_credential": Purpose.CREDENTIAL_RECOGNITION,
    # Follow-up
    "find_outcome": Purpose.MENTORING,
    # Corrections; one that moves a fact to another day needs a consent in force on that day as well
    "correct_entry": _RECTIFICATION,
    "retract_entry": _RECTIFICATION,
    # Reports: figures of those who consented to be counted, and nobody in them
    "prepare_report": _REPORTING,
    "prepare_anew": _REPORTING,
    "review_report": _REPORTING,
    "release_report": _REPORTING,
    "withdraw_report": _REPORTING,
    # Evidence
    "request_evidence": OtherBasis(
        LegalBasis.LEGAL_OBLIGATION,
        "whoever processes data must be able to show that it was lawful (GDPR, article 5 (2))",
    ),
}


def purpose_of(command: str) -> Purpose:
    """The purpose that a command processes personal data for. KeyError or TypeError for one that has none."""
    basis = BASIS_OF[command]
    if not isinstance(basis, Purpose):
        raise TypeError(f"{command} does not rest on consent")
    return basis
