"""Every page of the admin in a browser, over rows in which every text is script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.audit import PASSWORD, PIN

pytestmark = pytest.mark.e2e


def test_no_stored_text_is_more_than_text(visitor, hostile):
    _, facts = hostile
    assert facts["columns"] > 200

    for path in facts["paths"]:
        # Kept rows cannot be added, and nothing can be deleted.
        is_refusable = path.endswith(("/add/", "/delete/"))
        visitor.open(path, *((200, 403) if is_refusable else (200,)))

    assert visitor.wrong == []


def test_the_visitor_sees_what_it_looks_for(visitor):
    visitor.open("/admin/")
    visitor.page.evaluate(
        """async () => {
          document.body.insertAdjacentHTML('beforeend',
            '<img src=x onerror=window.__xss=1><b style="color:red">x</b>');
          window.__xss = 1;
          await new Promise(done => setTimeout(done, 300));
        }"""
    )
    visitor.look()

    found = " ".join(visitor.wrong)
    for sign in ("script ran", "script-src-attr", "style-src-attr", "console"):
        assert sign in found


def test_the_pages_of_errors_and_of_signing_in_are_clean(visitor, context):
    visitor.open("/admin/nothing-here/%3Cscript%3Ewindow.__xss=1%3C/script%3E", 404)
    visitor.open("/nothing-here/", 404)
    visitor.open("/admin/customers/customer/?hidden__startswith=a", 400)
    visitor.open("/admin/customers/customer/export/")
    context.clear_cookies()
    visitor.open("/admin/login/?next=javascript:window.__xss=1")
    visitor.open("/demo/", 404)

    assert visitor.wrong == []


def test_what_the_pages_do_by_script_still_works(visitor, hostile):
    visitor.open("/admin/customers/customer/export/")
    boxes = visitor.page.locator(".selectable-field-export-row input[type=checkbox]")
    visitor.page.click("#select-all-toggle")
    assert not any(box.is_checked() for box in boxes.all())
    visitor.page.click("#select-all-toggle")
    assert all(box.is_checked() for box in boxes.all())

    visitor.open("/admin/customers/note/add/")
    visitor.page.click(".field-customer .select2-selection")
    visitor.page.wait_for_selector(".select2-results__option:not(.loading-results)")
    visitor.look()

    visitor.open("/admin/customers/booking/add/")
    visitor.page.locator(".datetimeshortcuts a").first.click()
    visitor.page.locator(".date-icon").first.click()
    visitor.look()

    assert visitor.wrong == []


def test_a_preview_of_hostile_rows_is_text(visitor, hostile, tmp_path: Path):
    file = tmp_path / "list.csv"
    cells = 'bakery,"<img src=x onerror=window.__xss=1>",no address,nope'
    file.write_text(f"business,name,email,status\n{cells}\n", encoding="utf-8")

    visitor.open("/admin/customers/customer/import/")
    visitor.page.set_input_files("#id_import_file", str(file))
    visitor.page.select_option("#id_format", label="CSV")
    visitor.page.select_option("#id_business", index=1)
    visitor.page.click("input[type=submit]")
    visitor.page.wait_for_selector(".import-preview, .errorlist, .errornote")
    visitor.look()

    assert visitor.page.locator("td", has_text="onerror").count()
    assert visitor.wrong == []


def test_the_pages_that_confirm_and_enrol_are_clean(visitor, context, hostile):
    hub, facts = hostile
    session = {"name": facts["cookie"], "value": facts["enrolling"]}
    context.add_cookies([session | {"url": hub.server.url}])
    page = visitor.page
    visitor.open("/admin/account/second-factor/")
    form = "form:has([value=begin])"
    page.fill(f"{form} [name=password]", PASSWORD)
    page.click(f"{form} [type=submit]")
    page.wait_for_selector("svg[role=img]")
    visitor.look()

    visitor.open("/admin/account/pin/")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=pin]", PIN)
    page.fill("[name=again]", PIN)
    page.click("#content [type=submit]")
    visitor.look()

    visitor.open("/admin/customers/membership/add/")
    page.fill("[name=user]", "<img src=x onerror=window.__xss=1>")
    page.click("[name=_save]")
    page.wait_for_selector("[name=step_up_code]")
    visitor.look()
    page.fill("[name=step_up_code]", "518364")
    page.click("#content [type=submit]")
    visitor.look()
    page.fill("[name=step_up_code]", PIN)
    page.click("#content [type=submit]")
    page.wait_for_selector("text=No account has this user name")
    visitor.look()

    assert visitor.wrong == []
