"""Files to import: refused before they are read, and gone when their time is over."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from audit.jobs.tasks import BATCH_SIZE
from audit.models import Event, Job
from customers import services
from customers.models import Customer, ImportContent, ImportFile
from customers.services.imports.loading import load_batch
from customers.services.imports.uploads import INLINE_LIMIT
from tests.conftest import actor_of, signed_in, staff
from tests.customers.admin.test_exchange import CUSTOMERS, HEADER, confirm, upload
from tests.jobs import run_jobs

IMPORT = f"{CUSTOMERS}import/"
ROW = HEADER + "bakery,,Ana,ana@example.org,,\n"


def send(client, name: str, data: bytes, kind: str):
    file = SimpleUploadedFile(name, data)
    return client.post(IMPORT, {"format": kind, "import_file": file})


def kept() -> int:
    return ImportFile.objects.count()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (("list.xlsx", bomb(), "xlsx"), "unpacks to more than"),
        (("list.xlsx", b"name\nAna\n", "xlsx"), "no Excel file"),
        (("list.csv", b"\x89PNG\r\n\x1a\n\0", "csv"), "no CSV but something else"),
        (("list.json", b"{}", "json"), "list of objects"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence_and_not_kept(
    alice, bakery, file, said
):
    page = send(alice, *file)

    assert page.status_code == 200
    assert said in page.content.decode()
    assert "Error" not in str(page.context["form"].errors)
    assert kept() == 0


def test_a_bomb_is_refused_at_once(alice, bakery):
    alice.get(IMPORT)
    data = bomb()

    started = time.process_time()
    send(alice, "list.xlsx", data, "xlsx")

    # The page around the sentence included.
    assert time.process_time() - started < 0.5


def test_a_file_over_the_limit_is_refused_unread(alice, bakery, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    at_the_door = send(alice, "list.csv", b"x" * 2000, "csv")
    settings.UPLOAD_MAX_BYTES = 1200
    in_the_form = send(alice, "list.csv", b"x" * 1201, "csv")

    assert at_the_door.status_code == in_the_form.status_code == 413
    assert "1000 bytes" in at_the_door.content.decode()


def test_an_upload_leaves_no_file(alice, bakery, settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10

    preview = upload(alice, CUSTOMERS, ROW)

    assert "groups" in preview.context
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_nobody_confirms_is_gone_a_day_later(alice, bakery):
    upload(alice, CUSTOMERS, ROW)
    left = ImportFile.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23, minutes=58) < left <= timedelta(hours=24)
    call_command("maintain", yes=True)
    assert kept() == 1

    past = timezone.now() - timedelta(seconds=1)
    ImportFile.objects.update(expires_at=past)
    call_command("maintain")
    assert kept() == 1
    call_command("maintain", yes=True)

    assert kept() == 0


def expire() -> None:
    past = timezone.now() - timedelta(seconds=1)
    ImportFile.objects.update(expires_at=past)


def left() -> timedelta:
    return ImportFile.objects.get().expires_at - timezone.now()


def test_what_was_loaded_of_a_file_is_reported_before_its_time_is_over(
    alice, bakery, monkeypatch
):
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    alice.post(page, {"reason": "spring fair"})
    alice.post(f"/admin/audit/job/{Job.objects.get().pk}/cancel/")
    stopped = RuntimeError("after one batch")
    steps = iter([None, stopped])

    def step(*_):
        if error := next(steps):
            raise error

    own = services.list_uploads(
        table=services.IMPORT_TABLES["customer"], actor=actor_of(alice.user)
    ).get()
    with pytest.raises(RuntimeError):
        services.load_import(own, actor=actor_of(alice.user), step=step)
    expire()
    call_command("maintain")
    assert not Event.objects.filter(action="import.finished").exists()
    call_command("maintain", yes=True)

    told = Event.objects.get(action="import.finished")
    assert (told.actor_kind, told.data["rows"]) == ("system", BATCH_SIZE)
    assert told.business_id == bakery.pk
    assert not ImportContent.objects.exists()
    # Its uploader reads of it for another day.
    assert alice.get(page).context["report"]["counts"]["new"] == BATCH_SIZE
    expire()
    call_command("maintain", yes=True)
    assert kept() == 0
    assert Event.objects.filter(action="import.finished").count() == 1


def test_a_file_is_kept_a_day_from_when_somebody_went_on_with_it(alice, bakery):
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    soon = timezone.now() + timedelta(minutes=1)
    day = timedelta(hours=23, minutes=58)
    ImportFile.objects.update(expires_at=soon)
    alice.post(page, {"reason": "spring fair"})
    assert left() > day
    found = []

    def load(*args, **kwargs):
        ImportFile.objects.update(expires_at=soon)
        loaded = load_batch(*args, **kwargs)
        found.append(left() > day)
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("customers.services.imports.importing.load_batch", load)
        run_jobs()
    assert found == [True, True]
    ImportFile.objects.update(expires_at=soon)
    # Nobody goes on with what is done.
    alice.post(page, {"reason": "again"})
    assert left() < timedelta(minutes=1)


def test_a_job_whose_file_was_removed_meanwhile_writes_nothing(alice, bakery):
    """No worker for a day: what waits then finds no file."""
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    alice.post(page, {"reason": "spring fair"})
    for _ in range(2):
        expire()
        call_command("maintain", yes=True)
    run_jobs()

    job = Job.objects.get()
    assert (job.status, job.error) == ("failed", "DoesNotExist")
    assert "no longer there" in alice.get(f"/admin/audit/job/{job.pk}/change/").text
    assert not Customer.objects.exists()
    assert Event.objects.get(action="import.finished").data["rows"] == 0


def test_a_file_that_is_gone_is_asked_for_again(alice, bakery):
    preview = upload(alice, CUSTOMERS, ROW)
    ImportContent.objects.all().delete()
    ImportFile.objects.all().delete()

    done = confirm(alice, preview)

    assert done.redirect_chain[0][0] == IMPORT
    assert "no longer there" in done.content.decode()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("model", [ImportContent, ImportFile])
def test_altered_bytes_load_nothing(alice, bakery, model):
    preview = upload(alice, CUSTOMERS, ROW)
    upload(alice, CUSTOMERS, HEADER + "bakery,,Eve,eve@example.org,,\n")
    ana, eve = model.objects.order_by("id")
    column = "content" if model is ImportContent else "preview"
    model.objects.filter(pk=ana.pk).update(**{column: getattr(eve, column)})

    done = confirm(alice, preview)

    assert "no longer there" in done.content.decode()
    assert not Customer.objects.exists()


def test_a_file_that_is_given_to_somebody_else_opens_for_nobody(alice, bakery):
    """As whoever writes to the database would have the hub decrypt it."""
    preview = upload(alice, CUSTOMERS, ROW)
    thief = staff(bakery, "admin")
    ImportFile.objects.update(uploaded_by=thief)
    page = signed_in(thief).get(preview.redirect_chain[-1][0], follow=True)

    assert "ana@example.org" not in page.text
    assert not Customer.objects.exists()


def test_nobody_else_sees_or_confirms_a_file(alice, bakery, owner):
    preview = upload(alice, CUSTOMERS, ROW)
    page = preview.redirect_chain[-1][0]
    colleague = signed_in(staff(bakery, "admin"))

    for other in (colleague, owner):
        assert other.get(page).status_code == 302
        assert other.post(page, {}).status_code == 302
        assert "ana@" not in other.get(page, follow=True).content.decode()
    # Nor as a file of another table.
    wrong = page.replace("/customer/import", "/address/import")
    assert alice.post(wrong, {}).status_code == 302

    assert not Customer.objects.exists()


def test_a_file_is_removed_when_it_is_cancelled_and_emptied_when_loaded(alice, bakery):
    first = upload(alice, CUSTOMERS, ROW)
    alice.post(first.redirect_chain[-1][0], {"discard": "x"})
    assert kept() == 0

    confirm(alice, upload(alice, CUSTOMERS, ROW))

    assert not ImportContent.objects.exists()
    assert Customer.objects.count() == 1


def test_a_formula_in_a_name_is_kept_as_text(alice, bakery):
    text = HEADER + 'bakery,,"=1+1",a@example.org,,\'+47 22 00 01 77\n'

    confirm(alice, upload(alice, CUSTOMERS, text))

    customer = Customer.objects.get()
    assert (customer.name, customer.phone) == ("=1+1", "+47 22 00 01 77")


def people(count: int) -> str:
    lines = "".join(f"bakery,,P{n},p{n}@e.org,,\n" for n in range(count))
    return f"{HEADER}{lines}"


def test_a_long_file_is_looked_through_and_loaded_by_jobs(alice, bakery):
    count = INLINE_LIMIT + 1
    running = upload(alice, CUSTOMERS, people(count))
    page = running.redirect_chain[-1][0]
    assert running["Refresh"] == "2"
    assert "Look through" not in running.text
    assert Job.objects.get().task == "customers.tasks.preview_import"
    # A second look at the page starts nothing twice.
    alice.get(page)
    run_jobs()

    preview = alice.get(page)
    assert preview.context["preview"]["total"] == count
    assert "Refresh" not in preview
    # The page of the job leads to it, for who sent the file and nobody else.
    job_page = f"/admin/audit/job/{Job.objects.get().pk}/change/"
    assert page in alice.get(job_page).text
    assert page not in signed_in(staff(bakery)).get(job_page).text
    alice.post(page, {"reason": "spring fair"})
    assert Job.objects.filter(task="customers.tasks.load_import").count() == 1
    assert not Customer.objects.exists()
    run_jobs()

    assert Customer.objects.filter(business=bakery).count() == count
    load = Job.objects.get(task="customers.tasks.load_import")
    assert (load.status, load.done, load.total) == ("successful", count, count)
    assert load.report["new"] == count
    told = Event.objects.filter(action="import.finished").get()
    assert (told.operation_id, told.via) == (load.pk, "job")
    assert alice.get(page).context["report"]["counts"]["new"] == count


def test_a_person_keeps_so_many_files_and_no_more(alice, bakery, monkeypatch):
    monkeypatch.setattr("customers.services.imports.uploads.MOST_FILES", 2)
    for _ in range(2):
        assert upload(alice, CUSTOMERS, people(1)).redirect_chain
    page = upload(alice, CUSTOMERS, people(1))

    assert "You have 2 files here. Remove some" in page.text
    assert kept() == 2
    assert upload(signed_in(staff(bakery)), CUSTOMERS, people(1))
    assert kept() == 3


def test_a_file_whose_job_finds_no_room_is_not_kept(alice, bakery, monkeypatch):
    monkeypatch.setattr("audit.jobs.services.MOST_OPEN", 0)
    page = upload(alice, CUSTOMERS, people(INLINE_LIMIT + 1))

    assert "Wait for some of them, or cancel them." in page.text
    assert kept() == 0
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_loads_at_once_the_last_place_is_for_one(
    bakery, at_once, monkeypatch
):
    monkeypatch.setattr("audit.jobs.services.MOST_OPEN", 1)
    client = signed_in(staff(bakery, "admin"))
    pages = [
        upload(client, CUSTOMERS, people(BATCH_SIZE + 1)).redirect_chain[-1][0]
        for _ in range(4)
    ]

    at_once(lambda: signed_in(client.user).post(pages.pop(), {}), times=4)

    assert at_once(Job.objects.count, times=1) == [1]


def test_a_load_that_is_cancelled_goes_on_when_it_is_told_to(alice, bakery):
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    alice.post(page, {"reason": "spring fair"})
    job = Job.objects.get()
    alice.post(f"/admin/audit/job/{job.pk}/cancel/")
    assert "Load the rest" in alice.get(page).text
    alice.post(page, {"reason": "spring fair"})
    run_jobs()

    assert Customer.objects.filter(business=bakery).count() == BATCH_SIZE + 50


def test_what_is_ended_while_a_job_loads_it_is_ended_for_the_job(
    alice, bakery, monkeypatch
):
    """The page was asked before the job began, and ends the file after that."""
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    alice.post(page, {"reason": "spring fair"})

    def load_and_end(*args, **kwargs):
        loaded = load_batch(*args, **kwargs)
        with monkeypatch.context() as patch:
            patch.setattr("audit.jobs.find_job", lambda *_, **__: None)
            alice.post(page, {"discard": "x"})
        return loaded

    monkeypatch.setattr("customers.services.imports.importing.load_batch", load_and_end)
    run_jobs()

    assert Customer.objects.filter(business=bakery).count() == BATCH_SIZE
    told = Event.objects.get(action="import.finished")
    assert (told.via, told.data["rows"]) == ("admin", BATCH_SIZE)
    job = Job.objects.get()
    assert (job.status, job.error) == ("failed", "import_ended")
    job_page = alice.get(f"/admin/audit/job/{job.pk}/change/")
    assert "was ended on its page" in job_page.text
    assert alice.get(page).context["report"]["counts"]["new"] == BATCH_SIZE


def test_a_file_that_is_loaded_meanwhile_is_not_removed(alice, bakery, monkeypatch):
    """Two tabs: one confirms while the other takes the file away."""
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE + 50)).redirect_chain[-1][0]
    discard = services.discard_upload

    def confirm_first(row):
        monkeypatch.undo()
        alice.post(page, {"reason": "spring fair"})
        discard(row)

    monkeypatch.setattr(services, "discard_upload", confirm_first)
    answer = alice.post(page, {"discard": "x"}, follow=True)

    assert "is being loaded" in answer.text
    run_jobs()
    assert Customer.objects.filter(business=bakery).count() == BATCH_SIZE + 50


def test_a_few_rows_need_no_worker(alice, bakery):
    page = upload(alice, CUSTOMERS, people(BATCH_SIZE)).redirect_chain[-1][0]
    alice.post(page, {"reason": "spring fair"})

    assert Customer.objects.filter(business=bakery).count() == BATCH_SIZE
    assert not Job.objects.exists()
