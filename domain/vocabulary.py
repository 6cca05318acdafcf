"""The field's standard terms. Values are stored data: once released they never change.

Sources: purposes and states of consent after the W3C Data Privacy Vocabulary 2.3 and ISO/IEC TS 27560; language levels after the CEFR.
"""

from enum import StrEnum


class Purpose(StrEnum):
    """What personal data may be used for. Consent is given purpose by purpose."""

    MENTORING = "mentoring"
    ACCOMPANIMENT = "accompaniment"
    CREDENTIAL_RECOGNITION = "credential-recognition"
    JOB_SEARCH = "job-search"
    SHARING_WITH_EMPLOYER = "sharing-with-employer"
    SHARING_WITH_AUTHORITY = "sharing-with-authority"
    SHARING_WITH_PARTNER = "sharing-with-partner"
    FUNDER_REPORTING = "funder-reporting"
    ALUMNI_CONTACT = "alumni-contact"
    STORY_PUBLICATION = "story-publication"
    RESEARCH = "research"


class ConsentState(StrEnum):
    """States of one consent. Only *given* and *renewed* permit processing; *expired* is judged by the clock, never stored.

    *Superseded*: the notice was replaced by a materially different one, and the person has not decided on that yet.
    """

    REQUESTED = "requested"
    DEFERRED = "deferred"
    REFUSED = "refused"
    GIVEN = "given"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"

    @property
    def permits(self) -> bool:
        return self in (ConsentState.GIVEN, ConsentState.RENEWED)

    @property
    def decides(self) -> bool:
        """Whether anything was decided. To be asked again, or to put it off, leaves standing what stood before."""
        return self not in (ConsentState.REQUESTED, ConsentState.DEFERRED)


class Role(StrEnum):
    """The hat somebody wears when they ask for something."""

    CASEWORKER = "caseworker"
    MENTOR = "mentor"
    TRAINEE = "trainee"
    COORDINATOR = "coordinator"
    AUDITOR = "auditor"
    FUNDER = "funder"
    ADMINISTRATOR = "administrator"


class PersonRole(StrEnum):
    TRAINEE = "trainee"
    MENTOR = "mentor"
    BOTH = "both"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    DIVERSE = "diverse"


class CefrLevel(StrEnum):
    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"
    C1 = "C1"
    C2 = "C2"


class Track(StrEnum):
    HEALTHCARE = "healthcare"
    CONSTRUCTION = "construction"
    INFORMATION_TECHNOLOGY = "information-technology"
    HOSPITALITY = "hospitality"
    EDUCATION = "education"
    LOGISTICS = "logistics"
    CRAFTS = "crafts"
    ADMINISTRATION = "administration"
    OTHER = "other"


class EndReason(StrEnum):
    GOALS_REACHED = "goals-reached"
    EMPLOYED = "employed"
    MOVED_AWAY = "moved-away"
    MENTOR_LEFT = "mentor-left"
    NO_CONTACT = "no-contact"
    TRAINEE_WISH = "trainee-wish"
    OTHER = "other"


class GoalKind(StrEnum):
    LANGUAGE = "language"
    SKILLS = "skills"
    CREDENTIAL = "credential"
    JOB_SEARCH = "job-search"
    NETWORK = "network"
    WELLBEING = "wellbeing"


class GoalStatus(StrEnum):
    OPEN = "open"
    REVISED = "revised"
    REACHED = "reached"
    DROPPED = "dropped"


class Medium(StrEnum):
    IN_PERSON = "in-person"
    PHONE = "phone"
    VIDEO = "video"
    MESSAGES = "messages"


class AppointmentType(StrEnum):
    ASYLUM_HEARING = "asylum-hearing"
    RESIDENCE_PERMIT = "residence-permit"
    ADDRESS_REGISTRATION = "address-registration"
    TAX_OR_IDENTITY_NUMBER = "tax-or-identity-number"
    JOB_CENTRE = "job-centre"
    SOCIAL_OFFICE = "social-office"
    HOUSING_OFFICE = "housing-office"
    BANK = "bank"
    HEALTH_INSURANCE = "health-insurance"
    DOCTOR = "doctor"
    THERAPIST = "therapist"
    SCHOOL_ENROLMENT = "school-enrolment"
    LANGUAGE_COURSE = "language-course"
    RECOGNITION_COUNSELLING = "recognition-counselling"
    RECOGNITION_AUTHORITY = "recognition-authority"
    CERTIFIED_TRANSLATION = "certified-translation"
    LAWYER = "lawyer"
    FAMILY_REUNION = "family-reunion"
    DRIVING_LICENCE = "driving-licence"
    EMPLOYER = "employer"
    CHAMBER = "chamber"
    EXAMINATION = "examination"
    OTHER = "other"


class AppointmentOutcome(StrEnum):
    GRANTED = "granted"
    REFUSED = "refused"
    ADJOURNED = "adjourned"
    PAPERS_MISSING = "papers-missing"
    NO_SHOW_COMPANION = "no-show-companion"
    NO_SHOW_TRAINEE = "no-show-trainee"
    TURNED_AWAY = "turned-away"
    INFORMATION_ONLY = "information-only"


class CompanionRole(StrEnum):
    """What a companion does. None of them is legal advice."""

    PRESENCE = "presence"
    INTERPRETING = "interpreting"
    EXPLAINING = "explaining"


class Interpreter(StrEnum):
    NONE = "none"
    PROFESSIONAL = "professional"
    COMMUNITY = "community"
    FAMILY = "family"
    STAFF = "staff"
    REMOTE = "remote"


class ConsentMethod(StrEnum):
    SIGNATURE = "signature"
    THUMBPRINT = "thumbprint"
    WITNESSED_ORAL = "witnessed-oral"
    RECORDED_AUDIO = "recorded-audio"
    DIGITAL = "digital"


class NoticeForm(StrEnum):
    TEXT = "text"
    READ_ALOUD = "read-aloud"
    PICTOGRAM = "pictogram"
    AUDIO = "audio"
    VIDEO = "video"


class TeachBack(StrEnum):
    PASS = "pass"  # noqa: S105 - no password: the check was passed
    PARTIAL = "partial"
    FAIL = "fail"


class OverrideReason(StrEnum):
    """Whose life or health a use of data without a consent is to protect, and from what."""

    MEDICAL_EMERGENCY = "medical-emergency"
    DANGER_TO_LIFE = "danger-to-life"
    VIOLENCE = "violence"
    MISSING = "missing"
    DANGER_TO_OTHERS = "danger-to-others"


class LegalBasis(StrEnum):
    """GDPR article 6 (1) a to f. Consent is one of six and never assumed."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTERESTS = "vital-interests"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTERESTS = "legitimate-interests"


class DataCategory(StrEnum):
    """What kind of data a consent is about."""

    CASE_RECORD = "case-record"
    CONTACT = "contact"
    CREDENTIALS = "credentials"
    HEALTH = "health"
    ASYLUM = "asylum"
    IMAGE_AND_STORY = "image-and-story"


class Recipient(StrEnum):
    """Who may receive the data that a consent is about."""

    THIS_ORGANISATION = "this-organisation"
    MENTOR = "mentor"
    AUTHORITY = "authority"
    EMPLOYER = "employer"
    PARTNER = "partner"
    FUNDER = "funder"
    PUBLIC = "public"


class RecognitionResult(StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OutcomeStatus(StrEnum):
    """What was found at a follow-up. Unknown is a finding of its own."""

    EMPLOYED = "employed"
    SELF_EMPLOYED = "self-employed"
    APPRENTICESHIP = "apprenticeship"
    INTERNSHIP = "internship"
    STUDYING = "studying"
    UNEMPLOYED = "unemployed"
    UNKNOWN = "unknown"
