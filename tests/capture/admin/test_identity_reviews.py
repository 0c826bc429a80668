"""The queue of identity reviews: what it shows to whom, and how it is decided."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from capture.models import CaptureLink
from tests.conftest import signed_in, staff
from tests.factories import (
    CaptureFactory,
    CustomerFactory,
    IdentityReviewFactory,
    SourceFactory,
)

LIST = reverse("admin:capture_identityreview_changelist")


def url(name, review):
    return reverse(f"admin:capture_identityreview_{name}", args=[review.pk])


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery, name="Ana Silva", email="ana@example.org", phone="+4712345678"
    )


@pytest.fixture
def bea(bakery):
    return CustomerFactory(
        business=bakery, name="Bea Holm", email="bea@example.org", external_id="u-2"
    )


@pytest.fixture
def review(source, ana, bea):
    """Ana's e-mail with Bea's user id, and one message that waits."""
    review = IdentityReviewFactory(
        source=source,
        email=ana.email,
        user_ref="u-2",
        email_customer=ana,
        user_customer=bea,
    )
    capture = CaptureFactory(source=source, body={"email": "wait@example.org"})
    CaptureLink.objects.filter(capture=capture).update(customer=None, review=review)
    return review


def answer(decision, customer=None, reason="Asked both on the phone."):
    key = customer.pk if customer else ""
    return {"answer": f"{decision}:{key}", "reason": reason}


def test_the_list_shows_open_ones_with_who_they_may_be(alice, review):
    page = alice.get(LIST)

    assert page.status_code == 200
    assert "Ana Silva" in page.text
    assert "Bea Holm" in page.text
    assert "a…@e….org" in page.text
    assert "ana@example.org" not in page.text


def test_decided_ones_are_found_by_the_filter(alice, review, ana):
    alice.post(url("decide", review), answer("same_person", ana))

    assert str(review.pk) not in alice.get(LIST).text
    assert str(review.pk) in alice.get(f"{LIST}?state=decided").text
    assert str(review.pk) in alice.get(f"{LIST}?state=all").text


def test_the_list_takes_the_same_statements_for_many(alice, review, assert_flat):
    def grow():
        for number in range(20):
            one = CustomerFactory(business=review.business)
            IdentityReviewFactory(
                source=review.source,
                email_customer=one,
                user_customer=review.user_customer,
                user_ref=f"n{number}",
            )

    assert_flat(call=lambda: alice.get(LIST), grow=grow)


def test_the_page_shows_both_candidates_and_what_each_answer_means(alice, review):
    page = alice.get(url("change", review)).text

    assert "Are these the same person?" in page
    for name in ("Ana Silva", "Bea Holm"):
        assert f"Same person: {name}" in page
    assert "What came before stays with Bea Holm." in page
    assert "Other person" in page
    assert "Change of e-mail" not in page
    assert "1 message waits" in page
    assert reverse("admin:customers_customer_page", args=[review.user_customer_id])


def test_contact_data_is_masked_by_role(alice, bakery, review):
    clear = alice.get(url("change", review)).text
    assert "ana@example.org" in clear
    assert "+4712345678" in clear
    for role in ("support", "auditor"):
        page = signed_in(staff(bakery, role)).get(url("change", review))
        assert page.status_code == 200
        assert "a…@e….org" in page.text
        for hidden in ("ana@example.org", "bea@example.org", "+4712345678"):
            assert hidden not in page.text


def test_only_what_fits_is_offered(alice, source, bea):
    changed = IdentityReviewFactory(
        source=source, email="new@example.org", user_ref="u-2", user_customer=bea
    )
    page = alice.get(url("change", changed)).text

    assert "Nobody yet" in page
    assert "Change of e-mail" in page
    assert "The former one is noted" in page
    assert page.count('type="radio" name="answer"') == 3


def test_an_archived_candidate_says_so(alice, source, bakery):
    gone = CustomerFactory(business=bakery, name="Old One", email="o@example.org")
    from customers import services  # noqa: PLC0415 - only here
    from tests.conftest import actor_of  # noqa: PLC0415 - only here

    services.archive_customer(gone, actor=actor_of(alice.user), reason="moved")
    review = IdentityReviewFactory(
        source=source,
        kind="archived_customer",
        email="o@example.org",
        user_ref=None,
        email_customer=gone,
    )
    page = alice.get(url("change", review)).text

    assert "Is this the same person?" in page
    assert ">Archived<" in page
    assert "Old One is restored" in page
    assert page.count('type="radio" name="answer"') == 2


@pytest.mark.parametrize("role", ["admin", "support"])
def test_a_decision_is_made_once_and_says_what_holds(bakery, review, ana, role):
    browser = signed_in(staff(bakery, role))
    page = browser.get(url("change", review)).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = answer("same_person", ana) | {"csrfmiddlewaretoken": token}

    done = browser.post(url("decide", review), form, follow=True)
    again = browser.post(url("decide", review), form, follow=True)

    assert "1 message belongs to this customer now:" in done.text
    assert ana.unique_id in done.text
    assert "nothing was done twice" in again.text
    review.refresh_from_db()
    assert (review.state, review.decision) == ("decided", "same_person")
    assert (review.customer, review.reason) == (ana, "Asked both on the phone.")
    assert Event.objects.filter(action="identity_review.decided").count() == 1


def test_a_decided_one_shows_who_when_and_why(alice, bob, review, ana):
    alice.post(url("decide", review), answer("same_person", ana))

    page = bob.get(url("change", review)).text
    assert alice.user.username in page
    assert f">{ana.unique_id}</a></td>" in page
    assert "wait for your decision" not in page
    assert "Asked both on the phone." in page
    assert "Same person" in page
    assert 'type="radio"' not in page


def test_who_is_second_is_told_and_nothing_is_decided_again(alice, review, ana, bea):
    alice.post(url("decide", review), answer("same_person", ana))
    late = alice.post(url("decide", review), answer("same_person", bea), follow=True)

    assert "Somebody decided this meanwhile." in late.text
    review.refresh_from_db()
    assert review.customer == ana


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"answer": "", "reason": "so"}, "Choose one of the answers."),
        ({"answer": "changed_email:", "reason": "so"}, "Choose one of the answers."),
        ({"answer": "other_person:", "reason": " "}, "This field is required."),
    ],
)
def test_what_is_refused_comes_back_filled_in(alice, review, form, sentence):
    page = alice.post(url("decide", review), form)

    assert page.status_code == 200
    assert sentence in page.text
    assert "Not saved yet" in page.text
    if form["reason"].strip():
        assert 'value="so"' in page.text
    review.refresh_from_db()
    assert review.is_open


def test_who_may_not_decide_is_refused(bakery, charlie, review, ana):
    auditor = signed_in(staff(bakery, "auditor"))
    page = auditor.get(url("change", review)).text
    assert 'type="radio"' not in page
    assert "Your role may look at this" in page
    assert (
        auditor.post(url("decide", review), answer("same_person", ana)).status_code
        == 403
    )
    marketing = signed_in(staff(bakery, "marketing"))
    for path in (LIST, url("change", review), url("decide", review)):
        assert marketing.get(path).status_code == 403
    assert charlie.get(url("change", review)).status_code == 404
    assert (
        charlie.post(url("decide", review), answer("same_person", ana)).status_code
        == 404
    )
    assert str(review.pk) not in charlie.get(LIST).text
    review.refresh_from_db()
    assert review.is_open


def test_nobody_changes_or_adds_one_by_hand(alice, owner, review):
    for browser in (alice, owner):
        assert browser.post(url("change", review), {}).status_code == 403
        add = reverse("admin:capture_identityreview_add")
        assert browser.get(add).status_code == 403


def test_the_navigation_counts_open_ones(bakery, rival, review):
    side = signed_in(staff(bakery, "support")).get("/admin/").text
    entry = re.search(rf'<a href="{LIST}".*?</a>', side, re.DOTALL)[0]
    assert "Identity reviews" in entry
    assert re.search(r'class="count"><span class="sr">, </span>1<', entry)

    cache.clear()
    foreign = signed_in(staff(rival, "support")).get("/admin/").text
    entry = re.search(rf'<a href="{LIST}".*?</a>', foreign, re.DOTALL)[0]
    assert 'class="count"' not in entry
    marketing = signed_in(staff(bakery, "marketing")).get("/admin/").text
    assert LIST not in marketing


def test_looking_is_an_access_to_both(alice, review, ana, bea):
    alice.get(url("change", review))

    event = Event.objects.get(action="identity_review.viewed")
    assert set(event.subjects) == {str(ana.pk), str(bea.pk)}
    assert event.object_id == str(review.pk)
    alice.get(LIST)
    listed = Event.objects.get(action="identity_review.listed")
    assert set(listed.subjects) == {str(ana.pk), str(bea.pk)}


def test_a_message_that_waits_leads_to_its_review(alice, review):
    [link] = CaptureLink.objects.filter(review=review)
    page = alice.get(reverse("admin:capture_capture_change", args=[link.capture_id]))

    assert f'href="{url("change", review)}"' in page.text
    captures = reverse("admin:capture_capture_changelist")
    listed = alice.get(f"{captures}?link__review__id__exact={review.pk}")
    assert "waits for a decision" in listed.text
    assert str(link.capture_id) in listed.text


def test_the_history_says_who_decided(alice, review, ana):
    alice.post(url("decide", review), answer("same_person", ana))

    page = alice.get(url("history", review))
    assert page.status_code == 200
    assert "Asked both on the phone." in page.text


def test_the_pages_of_both_candidates_say_that_something_waits(
    alice, bakery, review, ana, bea
):
    other = CustomerFactory(business=bakery)
    link = f'href="{url("change", review)}"'
    for customer in (ana, bea):
        page = alice.get(reverse("admin:customers_customer_page", args=[customer.pk]))
        assert link in page.text
        assert "(1 message waits)" in page.text
    path = reverse("admin:customers_customer_page", args=[ana.pk])
    marketing = signed_in(staff(bakery, "marketing"))
    assert link not in marketing.get(path).text
    nobody = reverse("admin:customers_customer_page", args=[other.pk])
    assert "to be reviewed" not in alice.get(nobody).text

    alice.post(url("decide", review), answer("same_person", ana))
    assert "to be reviewed" not in alice.get(path).text


def about(customer):
    return f"{LIST}?customer={customer.unique_id}&amp;state=all"


def test_the_list_is_narrowed_to_one_candidate(alice, source, review, ana, bea):
    other = IdentityReviewFactory(source=source, email="x@example.org")
    for customer in (ana, bea):
        listed = alice.get(about(customer).replace("&amp;", "&")).context["cl"]
        assert [each.pk for each in listed.result_list] == [review.pk]

    open_ones = alice.get(LIST, {"customer": ana.unique_id})
    assert [each.pk for each in open_ones.context["cl"].result_list] == [review.pk]
    everybody = alice.get(LIST).context["cl"].result_list
    assert {each.pk for each in everybody} == {review.pk, other.pk}
    for wrong in ("CUST-NOBODY", "<b>", "x" * 500, "\0"):
        page = alice.get(LIST, {"customer": wrong})
        assert page.status_code in (200, 302, 400)
        assert "<b>" + "</" not in page.text


def test_the_reviews_of_another_business_are_not_listed_by_its_reference(
    alice, rival, review
):
    twin = CustomerFactory(business=rival)
    IdentityReviewFactory(source=SourceFactory(business=rival), email_customer=twin)

    page = alice.get(LIST, {"customer": twin.unique_id, "state": "all"})

    assert list(page.context["cl"].result_list) == []


@pytest.mark.parametrize("role", ["admin", "support", "auditor", "marketing"])
def test_a_customer_s_page_leads_to_all_reviews_about_them(
    bakery, source, review, ana, role
):
    IdentityReviewFactory(source=source, user_customer=ana, state="decided",
        decision="same_person", decided_at=timezone.now(), customer=ana)  # fmt: skip
    browser = signed_in(staff(bakery, role))
    path = reverse("admin:customers_customer_page", args=[ana.pk])
    may_see = role != "marketing"

    page = browser.get(path)
    assert (about(ana) in page.text) == may_see
    assert ("all about this person (2)" in page.text) == may_see
    tab = browser.get(path, {"tab": "captures"})
    assert ("Identity reviews (2)" in tab.text) == may_see


def test_what_is_decided_is_no_notice_and_is_listed(alice, review, ana):
    alice.post(url("decide", review), answer("same_person", ana))

    path = reverse("admin:customers_customer_page", args=[ana.pk])
    assert "to be reviewed" not in alice.get(path).text
    assert "Identity reviews (1)" in alice.get(path, {"tab": "captures"}).text
