"""The page in a browser: whole sessions by keyboard and touch, and all that comes between a vote and its store."""

import contextlib
import json
import re

import pytest

from perface_jax import collection
from perface_jax.collection import keys, steps
from perface_jax.collection.page_files import FILES, PAGES
from perface_jax.collection.store import open_store
from tests import browser
from tests.collection.served_page import drawn_study, link, serving, shown, until_faces
from tests.conftest import ROOT

FOLDER = ROOT / "perface_jax" / "collection" / "page"
AA = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SIZES = "() => [...document.querySelectorAll('#faces img')].map(one => one.getBoundingClientRect().toJSON())"
FIRST = {"sources": 6, "annotators": 6, "votes": 1, "dummies": 0, "practice": 1, "repeats": 0}  # 2 trials and practice


@pytest.fixture
def opened(tmp_path):
    """A function that opens the page of a study: the page, and the store of its votes."""
    with contextlib.ExitStack() as stack:
        chromium = stack.enter_context(browser.opened())

        def open_page(plan, *, locale="en-US", width=360, **options):
            study = drawn_study(tmp_path / "study", **plan)
            store = stack.enter_context(contextlib.closing(open_store(study)))
            store.add_annotators({"panna": keys.link_token(study, "panna")})
            url = stack.enter_context(serving(study, store))
            context = chromium.new_context(viewport={"width": width, "height": 740}, locale=locale, **options)
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.faults, page.asked = [], []
            page.on("pageerror", lambda error: page.faults.append(str(error)))
            page.on("request", lambda request: page.asked.append(request.url))
            page.goto(link(url, study))
            return page, store, study

        yield open_page


def sides(store):
    return [vote.side for vote in store.votes()]


def test_both_languages_say_the_same_things_and_all_that_the_page_asks_for():
    texts = {name: json.loads((FOLDER / f"strings.{name}.json").read_text()) for name in steps.LANGUAGES}
    english, german = texts["en"], texts["de"]
    assert list(english) == list(german)
    for name in english:
        assert sorted(re.findall(r"\{\w+\}", english[name])) == sorted(re.findall(r"\{\w+\}", german[name])), name
        assert english[name] != german[name], name
    script = (FOLDER / "page.js").read_text()
    assert set(re.findall(r'(?:say|showText)\("(\w+)"', script)) <= english.keys()
    for kind in ("instructions", "practice_over", "break", "right", "wrong"):
        assert {f"{kind}_heading", f"{kind}_text"} <= english.keys()
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, *PAGES.values()}


def test_a_short_session_by_keyboard(opened):
    page, store, study = opened(FIRST)
    pressed = []
    while until_faces(page):
        pressed.append("left" if len(pressed) % 2 else "right")
        page.keyboard.press(f"Arrow{pressed[-1].title()}")
        shown(page)
    assert sides(store) == pressed
    assert page.inner_text("#code") == keys.completion_code(study, "panna")
    assert len(pressed) == 3
    assert not page.faults
    assert len({address.split("/")[2] for address in page.asked if address.startswith("http")}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("locale", ["en-US", "de-AT"])
def test_every_screen_is_accessible_and_fits_and_all_faces_have_one_size(opened, width, locale):
    from axe_playwright_python.sync_playwright import Axe

    page, store, _ = opened({"break_every": 5, "dummies": 2, "practice": 2}, locale=locale, width=width)
    seen, boxes = set(), set()
    while True:
        kind, heading = shown(page), page.inner_text("#heading")
        if heading not in seen:
            seen.add(heading)
            found = Axe().run(page, options={"runOnly": AA}).response["violations"]
            assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in found], heading
            assert page.evaluate(browser.TOO_WIDE) <= 0, heading
            if kind == "faces":  # all is seen without scrolling
                assert page.evaluate("() => document.documentElement.scrollHeight - innerHeight") <= 0
        if kind == "code":
            break
        if kind == "go":
            page.click("#go")
        else:
            boxes |= {(box["width"], box["height"]) for box in page.evaluate(SIZES)}
            above, left, right = page.evaluate(SIZES)
            assert above["bottom"] < left["top"] == right["top"]
            assert left["right"] < right["left"]
            page.wait_for_timeout(360)
            page.click("#left")
        page.wait_for_timeout(120)
    assert boxes == {(160, 160)}
    assert len(seen) >= 7
    assert page.get_attribute("html", "lang") == locale[:2]
    assert not page.faults


@pytest.mark.slow
def test_a_whole_session_by_touch(opened):
    page, store, study = opened({}, has_touch=True, is_mobile=True, locale="de-DE")
    taken = []
    while shown(page) != "code":
        if page.is_visible("#go"):
            page.tap("#go")
            page.wait_for_timeout(150)
            continue
        page.wait_for_timeout(360)
        taken.append("left" if len(taken) % 3 else "right")
        page.tap(f"#{taken[-1]}")
        shown(page)
    assert sides(store) == taken
    assert len(taken) == len(collection.plan_trials(study, 0))


@pytest.mark.slow
def test_a_page_that_is_loaded_again_goes_on_where_it_was(opened):
    page, store, _ = opened(FIRST)
    until_faces(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#go:visible")
    page.reload()
    assert page.inner_text("#count") == "" or "1 of 2" in page.inner_text("#count")
    until_faces(page)
    page.reload()
    until_faces(page)
    page.keyboard.press("ArrowLeft")
    assert until_faces(page)
    assert sides(store) == ["right", "left"]


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False], ids=["the answer is lost", "the vote is lost"])
def test_a_vote_under_way_when_the_page_is_loaded_again_is_neither_lost_nor_doubled(opened, stored):
    page, store, _ = opened(FIRST)
    until_faces(page)

    def lose(route):
        if stored:
            route.fetch()
        route.abort()

    page.route("**/api/vote", lose)
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.getElementById('status').textContent.includes('No connection')")
    page.unroute("**/api/vote")
    page.reload()
    page.wait_for_selector("#go:visible")
    assert sides(store) == ["right"]


@pytest.mark.slow
def test_without_a_connection_a_vote_waits_and_goes_out_once(opened):
    page, store, _ = opened(FIRST)
    until_faces(page)
    page.context.set_offline(True)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.getElementById('status').textContent.includes('No connection')")
    assert sides(store) == []
    page.context.set_offline(False)
    page.wait_for_selector("#go:visible")
    assert page.inner_text("#status") == ""
    assert sides(store) == ["right"]


@pytest.mark.slow
def test_two_tabs_cannot_vote_on_one_trial_twice(opened):
    page, store, _ = opened(FIRST)
    until_faces(page)
    other = page.context.new_page()
    other.goto(page.url)
    until_faces(other)
    page.bring_to_front()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#go:visible")
    other.bring_to_front()
    other.keyboard.press("ArrowLeft")
    assert until_faces(other)
    assert sides(store) == ["right"]
    assert other.inner_text("#count") == "1 of 2"
    other.keyboard.press("ArrowLeft")
    until_faces(other)
    page.bring_to_front()
    assert until_faces(page)  # behind by one: its next vote is not taken, and it catches up
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.getElementById('count').textContent === '2 of 2'")
    assert sides(store) == ["right", "left"]


@pytest.mark.slow
def test_a_double_click_or_a_held_key_is_one_vote(opened):
    page, store, _ = opened({"practice": 0, "dummies": 0})
    until_faces(page)
    page.dblclick("#right", delay=20)
    until_faces(page)
    assert sides(store) == ["right"]
    page.keyboard.down("ArrowLeft")
    for _ in range(30):
        page.keyboard.down("ArrowLeft")  # repeats
        page.wait_for_timeout(30)
    page.keyboard.up("ArrowLeft")
    assert sides(store) == ["right", "left"]


@pytest.mark.slow
def test_on_a_slow_network_the_time_runs_from_when_the_faces_are_seen(opened):
    page, store, _ = opened({"practice": 0, "dummies": 0})
    page.wait_for_selector("#go:visible")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 1500, "downloadThroughput": 6000, "uploadThroughput": 6000}
    network.send("Network.emulateNetworkConditions", slow)
    page.reload()
    for _ in range(2):
        assert until_faces(page)
        assert page.evaluate("() => [...document.querySelectorAll('#faces img')].every(one => one.naturalWidth === 64)")
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("() => document.getElementById('faces').matches('.busy')")
    page.wait_for_function("() => !document.getElementById('faces').matches('.busy')")
    assert len(store.votes()) == 2
    assert all(300 <= vote.milliseconds < 1400 for vote in store.votes())


@pytest.mark.slow
def test_a_stopped_study_and_a_wrong_link_are_said(opened):
    page, store, _ = opened(FIRST)
    until_faces(page)
    store.stop()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.getElementById('heading').textContent === 'This study is closed'")
    page.goto(page.url[:-4] + "0000")
    page.wait_for_function("() => document.getElementById('heading').textContent === 'This link is not valid'")
    assert sides(store) == []
    assert not page.faults


@pytest.mark.slow
def test_the_admin_page_stops_removes_and_is_accessible(opened):
    from axe_playwright_python.sync_playwright import Axe

    page, store, study = opened(FIRST)
    until_faces(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#go:visible")
    store.record_export("/exports/first", ["panna"])
    admin = page.context.new_page()
    admin.goto(f"{page.url.partition('/#')[0]}/admin#{keys.admin_token(study)}")
    admin.wait_for_selector("#rows tr")
    assert "1 of 3" in admin.inner_text("#rows")
    assert not Axe().run(admin, options={"runOnly": AA}).response["violations"]
    assert admin.evaluate(browser.TOO_WIDE) <= 0
    admin.click("#stop")
    admin.wait_for_function("() => document.getElementById('stop').textContent === 'Continue collecting'")
    assert store.stopped()
    admin.click("#rows button")
    admin.click("#rows button")
    admin.wait_for_function("() => document.getElementById('status').textContent.includes('/exports/first')")
    assert store.annotators() == []
