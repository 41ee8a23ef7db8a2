"""The clerks' screens under ``/admin/``, generated from the types that the town has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_admin import Admin
from flask_admin.theme import Theme

if TYPE_CHECKING:
    from flask import Flask

    from townhall.town import Town


def install(app: Flask, town: Town) -> None:
    """Put the staff pages on an application: a view for each type, and the pages that belong to no type.

    Views are made for this application alone, so that an old one can be let go when plugins are switched.
    """
    from townhall.admin.calendar import FEED
    from townhall.admin.calendar import CalendarView
    from townhall.admin.calendar import feed_response
    from townhall.admin.contact_view import ContactView
    from townhall.admin.counting import CountCache
    from townhall.admin.desk import Desk
    from townhall.admin.drawing import Drawer
    from townhall.admin.files import FilesView
    from townhall.admin.frame import Menu
    from townhall.admin.frame import install_frame
    from townhall.admin.happenings import TimelineWriter
    from townhall.admin.history_view import HistoryView
    from townhall.admin.home import HomeView
    from townhall.admin.modules import ModulesView
    from townhall.admin.packs import PacksView
    from townhall.admin.plugin_page import PluginPage
    from townhall.admin.plugin_views import PluginViews
    from townhall.admin.plugins import PluginsView
    from townhall.admin.record_view import RecordView
    from townhall.admin.search import SearchView
    from townhall.admin.settings import SettingsView
    from townhall.admin.types_view import TypesView

    marks = app.extensions["townhall_marks"]
    desk = Desk(town, marks.presenter, marks, CountCache(), Drawer(app.jinja_env))
    admin = Admin(
        app,
        name=town.settings.name,
        theme=Theme(folder="bootstrap4", base_template="admin/base.html"),
        index_view=HomeView(desk),
    )
    for record_type in town.schemas.values():
        view = ContactView if record_type.identity == "core.contact" else RecordView
        admin.add_view(view(desk, record_type))
    plugins = (PluginsView, PluginPage, PacksView, ModulesView)
    for page in (SearchView, CalendarView, FilesView, *plugins, TypesView, HistoryView, SettingsView):
        admin.add_view(page(desk))
    town.plugins.admin_views(PluginViews(app, admin, desk).add)
    install_frame(app, Menu(desk, admin))
    app.jinja_env.globals["timeline"] = TimelineWriter(marks).write
    app.add_url_rule(f"{FEED}<token>.ics", "calendar_feed", lambda token: feed_response(desk, token))
