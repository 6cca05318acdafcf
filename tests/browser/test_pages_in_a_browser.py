"""The main job in a real browser with script off, on a phone and at a desk; and a picture of each role's place.

With ACCOMPANY_WRITE_SCREENSHOTS=1 the pictures replace those in docs/images, which the README shows.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from domain.vocabulary import Role
from tests.browser.demo_place import NOW, Place, served_demo
from tests.postgres_servers import Clusters

PHONE, DESK = (390, 844), (1280, 860)
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
# What a thumb hits without looking.
TARGET = 48

type SignIn = Callable[[Role, tuple[int, int]], AbstractContextManager[Page]]
type Shoot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        missing = "Chromium is not installed here: on Debian, apt-get install chromium"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(browser: Browser, postgres_clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        postgres_clusters.running("postgres-18").fresh_database() as dsn,
        served_demo(tmp_path_factory.mktemp("data"), dsn) as place,
    ):
        yield place


@pytest.fixture
def sign_in(browser: Browser, place: Place) -> SignIn:
    """Opens a browser of its own, with script off, by the link that the demo prints."""

    @contextmanager
    def begin(role: Role, size: tuple[int, int]) -> Iterator[Page]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=False,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            device_scale_factor=1,
        )
        page = context.new_page()
        page.goto(place.links[role])
        yield page
        context.close()

    return begin


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Takes a picture of what is in sight."""
    folder = Path("docs/images") if os.environ.get("ACCOMPANY_WRITE_SCREENSHOTS") == "1" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return take


@SIZES
def test_a_caseworker_records_an_accompaniment_without_script(
    sign_in: SignIn, shoot: Shoot, size: tuple[int, int]
) -> None:
    with sign_in(Role.CASEWORKER, size) as page:
        suffix = "-phone" if size == PHONE else ""
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{NOW:%A}, {NOW.day} {NOW:%b} {NOW.year}")
        expect(page.get_by_text("Demo: everybody here is invented")).to_be_visible()
        fits(page)
        shoot(page, f"dashboard{suffix}")

        # A case with the two consents that are needed here. Which ones have them differs from day to day.
        agreed = page.locator(
            ".cases .row:has(.chip-good:has-text('mentoring')):has(.chip-good:has-text('accompaniment'))"
        )
        case = agreed.nth(0 if size == PHONE else 1).get_by_role("link")
        name = case.inner_text()
        case.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_role("heading", level=2).first).to_have_text("Consent")
        fits(page)
        shoot(page, f"case{suffix}")

        page.get_by_role("link", name="Book an appointment").click()
        page.get_by_label("Kind of appointment").select_option(label="Recognition authority")
        page.get_by_label("Day").fill(NOW.date().isoformat())
        page.get_by_label("Time").fill("10:15")
        page.get_by_label("Office and room").fill("Handwerkskammer, room 12")
        page.get_by_label("Papers to bring").fill("Diploma\nCertified translation")
        page.get_by_role("button", name="Book").click()
        expect(page.get_by_role("status")).to_contain_text("the appointment is booked")

        page.get_by_role("link", name="Record what came of the recognition authority").click()
        expect(page.get_by_label("Brought")).to_have_value("Diploma\nCertified translation")
        fits(page)
        for control in page.locator("main :is(button, .button, select, textarea, .tile, input[type=date])").all():
            assert height(control) >= TARGET
        page.get_by_label("What was agreed").fill("The equivalence is assessed within three months.")

        # Sent too early: everything typed is still there, and the summary is where the eye and the screen reader are.
        page.get_by_role("button", name="Record").click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        expect(page.get_by_label("What was agreed")).to_have_value("The equivalence is assessed within three months.")
        summary.get_by_role("link", name="Choose what came of it").click()

        page.goto(page.url.partition("#")[0])
        page.get_by_label("What was agreed").fill("The equivalence is assessed within three months.")
        page.get_by_label("Adjourned").check()
        page.get_by_label("Arrived").fill("10:05")
        page.get_by_label("Next step").fill("Send the certified translation")
        page.get_by_label("To be done by").fill((NOW.date() + timedelta(days=1)).isoformat())
        page.evaluate("window.scrollTo(0, 0)")
        shoot(page, f"record{suffix}")
        page.get_by_role("button", name="Record").click()

        expect(page.get_by_role("status")).to_contain_text("you went along")
        expect(page.locator(".timeline > li").first).to_contain_text("Went along: recognition authority")
        expect(page.locator(".timeline > li").first).to_contain_text("adjourned")
        fits(page)
        page.goto(f"{page.url.split('/cases/')[0]}/dashboard")
        expect(page.locator("section", has=page.locator("#deadlines"))).to_contain_text(
            "Send the certified translation"
        )


@pytest.mark.parametrize(
    ("role", "name", "size"),
    [
        (Role.COORDINATOR, "overview", DESK),
        (Role.AUDITOR, "consent-trail", DESK),
        (Role.FUNDER, "reports", DESK),
        (Role.MENTOR, "my-trainees", PHONE),
        (Role.TRAINEE, "my-record", PHONE),
        (Role.ADMINISTRATOR, "system", DESK),
    ],
)
def test_each_role_comes_to_its_place(
    sign_in: SignIn, shoot: Shoot, role: Role, name: str, size: tuple[int, int]
) -> None:
    with sign_in(role, size) as page:
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if role is Role.AUDITOR:
            page.locator("tbody a").first.click()
            expect(page.get_by_role("table")).to_contain_text("covered")
        if role is Role.FUNDER:
            page.locator("tbody a").first.click()
            expect(page.get_by_role("heading", level=2).first).to_contain_text("Persons served")
        shoot(page, name)
        fits(page)
    with sign_in(role, PHONE) as page:
        if role is Role.FUNDER:
            page.locator("tbody a").first.click()
        fits(page)


def test_another_site_signs_nobody_in_unasked(browser: Browser, place: Place) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(f'<a href="{place.links[Role.AUDITOR]}">A prize for you</a>')
    page.get_by_role("link").click()
    button = page.get_by_role("button", name="Sign in as auditor")
    expect(button).to_be_visible()
    assert not context.cookies()
    fits(page)
    assert height(button) >= TARGET
    button.click()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("Consent trail")
    context.close()


@SIZES
def test_a_page_can_be_read_by_keyboard_from_its_beginning(sign_in: SignIn, size: tuple[int, int]) -> None:
    with sign_in(Role.CASEWORKER, size) as page:
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        assert skip.bounding_box() is not None
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


def fits(page: Page) -> None:
    """Nothing sticks out at the side."""
    wide, sight = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= sight


def height(control: Locator) -> float:
    box = control.bounding_box()
    assert box is not None
    return box["height"]
