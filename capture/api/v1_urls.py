"""The tables of captures in the canonical API; what lets captures in is in `urls`."""

from __future__ import annotations

from audit.rest.routers import HubRouter
from capture.api import tables
from capture.api.identity_reviews import IdentityReviewViewSet

router = HubRouter()
router.register("signups", tables.SignupViewSet)
router.register("logins", tables.LoginViewSet)
router.register("payments", tables.PaymentViewSet)
router.register("questionnaires", tables.QuestionnaireViewSet)
router.register("dashboards", tables.DashboardViewSet)
router.register("identity-reviews", IdentityReviewViewSet)
router.register("sources", tables.SourceViewSet)
router.register("keys", tables.KeyViewSet)

urlpatterns = router.urls
