"""Correcting a captured value, from the page of its customer."""

from __future__ import annotations

from capture.models import Capture
from customers.models import Customer
from tests.customers.admin.acting import act_path
from tests.factories import CaptureFactory, CustomerFactory


def test_the_act_leads_to_the_captures_of_the_customer(alice, source):
    CaptureFactory(source=source, body={"email": "a@b.org", "plan": "Por"})
    CaptureFactory(source=source, body={"email": "c@d.org", "plan": "Pro"})
    customer = Customer.objects.get(email_key="a@b.org")

    page = alice.get(act_path(customer, "correct"), follow=True)

    rows = list(page.context["cl"].result_list)
    assert [row.pk for row in rows] == [
        Capture.objects.get(link__customer=customer.pk).pk
    ]


def test_a_stranger_is_led_nowhere(charlie, source):
    customer = CustomerFactory(business=source.business)

    assert charlie.get(act_path(customer, "correct")).status_code == 404
