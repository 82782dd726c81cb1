"""The picture that is text is that of the dashboard as it is."""

from pathlib import Path

from tests.screenshots import WHEEL_OVERVIEW, draw

PICTURE = Path(__file__).parents[2] / "screenshots" / WHEEL_OVERVIEW.file


async def test_the_picture_in_the_readme_of_the_wheel_is_what_the_demo_shows() -> None:
    shown = await draw(WHEEL_OVERVIEW)
    # Not compared by pytest, which would take the screen apart: `make screenshots` draws it anew.
    assert shown == PICTURE.read_text(), f"draw it again:\n{shown}"
