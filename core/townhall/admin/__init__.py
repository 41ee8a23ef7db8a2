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
    from townhall.admin.digest import DigestView
    from townhall.admin.drawing import Drawer
    from townhall.admin.figures.view import FiguresView
    from townhall.admin.files import FilesView
    from townhall.admin.frame import Menu
    from townhall.admin.frame import install_frame
    from townhall.admin.happenings import TimelineWriter
    from townhall.admin.history_view import HistoryView
    from townhall.admin.home import HomeView
    from townhall.admin.jobs import JobsView
    from townhall.admin.letters_page import LettersView
    from townhall.admin.messages_page import MessagesView
    from townhall.admin.modules import ModulesView
    from townhall.admin.once import install as install_once
    from townhall.admin.outbox_page import OutboxView
    from townhall.admin.packs import PacksView
    from townhall.admin.plugin_page import PluginPage
    from townhall.admin.plugin_views import PluginViews
    from townhall.admin.plugins import PluginsView
    from townhall.admin.queues import QueuesView
    from townhall.admin.queues import RoutingView
    from townhall.admin.queues import WardsView
    from townhall.admin.record_view import RecordView
    from townhall.admin.search import SearchView
    from townhall.admin.settings import SettingsView
    from townhall.admin.sheets import SheetWriter
    from townhall.admin.types_view import TypesView
    from townhall.admin.working_calendar_view import WorkingCalendarView

    marks = app.extensions["townhall_marks"]
    desk = Desk(town, marks.presenter, marks, CountCache(town.clock), Drawer(app.jinja_env))
    admin = Admin(
        app,
        name=town.settings.name,
        theme=Theme(folder="bootstrap4", base_template="admin/base.html"),
        index_view=HomeView(desk),
    )
    own_views = {"core.contact": ContactView, "core.working_calendar": WorkingCalendarView}
    for record_type in town.schemas.values():
        view = own_views.get(record_type.identity, RecordView)
        admin.add_view(view(desk, record_type))
    messages = (MessagesView, OutboxView, LettersView)
    routing = (QueuesView, RoutingView, WardsView)
    plugins = (PluginsView, PluginPage, PacksView, ModulesView)
    work = (SearchView, CalendarView, FiguresView, DigestView, FilesView)
    for page in (*work, *messages, *plugins, JobsView, TypesView, HistoryView, SettingsView, *routing):
        admin.add_view(page(desk))
    town.plugins.admin_views(PluginViews(app, admin, desk).add)
    install_frame(app, Menu(desk, admin))
    install_once(app, town)
    app.jinja_env.globals["timeline"] = TimelineWriter(marks, town).write
    app.jinja_env.globals["side_sheets"] = SheetWriter(marks).write
    app.add_url_rule(f"{FEED}<token>.ics", "calendar_feed", lambda token: feed_response(desk, token))
