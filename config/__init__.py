"""The composition root: joins the apps into one site."""
