"""Every fault that the browser shall find, on a page that has it."""

import pytest

from tests import browser

SOUND = '<!doctype html><html lang="en"><title>t</title><body>{}</body></html>'
BROKEN = {
    '<p style="width: 900px">text</p>': "pixels too wide at 420",
    '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9">': "image-alt",
    '<p style="color: #999; background: #fff">pale</p>': "color-contrast (light)",
    "<style>@media (prefers-color-scheme: dark) { body { background: #000 } b { color: #333 } }</style><b>text</b>": (
        "color-contrast (dark)"
    ),
    "<script>nothing()</script>": "script error: nothing is not defined",
    "<script>console.error('refused')</script>": "console: refused",
}


def test_each_fault_is_found_and_a_sound_page_has_none(tmp_path):
    (tmp_path / "broken.html").write_text(SOUND.format("".join(BROKEN)))
    (tmp_path / "sound.html").write_text(SOUND.format("<p>text</p>"))
    found = browser.faults(*sorted(tmp_path.glob("*.html")))
    for wanted in BROKEN.values():
        assert any(wanted in fault for fault in found), (wanted, found)
    assert all(fault.startswith("broken.html: ") for fault in found)
    dark = next(fault for fault in found if "color-contrast (dark)" in fault)
    assert "<b>text</b>" in dark


def test_without_a_browser_the_check_is_skipped_and_says_how_to_get_one(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    with pytest.raises(pytest.skip.Exception, match="no Chromium: install one"):
        browser.faults()
