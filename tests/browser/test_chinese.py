"""The language switch in a real browser, and the pages in Chinese: what the script says too, and that it all fits."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from catalog.models import Source
from tests.english import english

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def images(
    live_server, sign_in: Callable[[User], None], alice: User, make_source: Callable[..., Source], make_image: Callable
) -> str:
    sign_in(alice)
    source = make_source("alibaba_ehpc_custom")
    for number in range(3):
        make_image(source, remote_id=f"m-{number}", name=f"深度学习-{number}", os="linux", arch="x86_64")
    return f"{live_server.url}/t/aero/images/"


def test_the_switch_leaves_everything_else_as_it_is(page: Page, images: str, complaints: list[str]):
    page.goto(f"{images}?os=linux&sort=-size")
    page.get_by_role("button", name="中文").first.click()
    expect(page.get_by_role("link", name="镜像注册")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/images/\?os=linux&sort=-size$"))
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("button", name="English").first.click()
    expect(page.get_by_role("link", name="Registrations")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/images/\?os=linux&sort=-size$"))
    assert complaints == []


def test_it_is_switched_in_the_menu_of_a_small_screen(page: Page, images: str, accessible: Callable[[], None]):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(images)
    page.get_by_label("Your menu, Alice Liddell").click()
    page.get_by_role("button", name="中文").last.click()
    expect(page.get_by_role("button", name="筛选")).to_be_visible()
    accessible()


def test_the_script_speaks_chinese_too(page: Page, images: str):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(images)
    page.get_by_role("button", name="中文").first.click()
    page.locator("input[form=selection]").first.check()
    expect(page.locator("#selection")).to_contain_text("已选 1 个")
    page.get_by_role("button", name="复制 ID").first.click()
    expect(page.locator("#toast")).to_have_text("ID 已复制")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="搜索与快捷键")).to_be_visible()
    page.keyboard.press("Escape")
    page.route("**/images/*os=*", lambda route: route.fulfill(status=500))
    page.get_by_role("checkbox", name=re.compile("^Linux")).check()
    expect(page.locator("#toast")).to_contain_text("操作未成功")


@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_fits_and_is_accessible_in_chinese(
    page: Page, images: str, width: int, accessible: Callable[[], None], complaints: list[str]
):
    page.set_viewport_size({"width": width, "height": 900})
    team = images.removesuffix("images/")
    site = team.removesuffix("t/aero/")
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": site}])
    for path in (
        "",
        "images/",
        "changes/",
        "sources/",
        "sources/add/",
        "accounts/add/",
        "registrations/add/",
        "views/",
        "team/",
    ):
        page.goto(team + path)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path or 'the overview'} is {wider} px too wide"
        assert english(page.content(), "Aero HPC", "Alice Liddell", "alibaba account") == [], path
        accessible()
    assert complaints == []
