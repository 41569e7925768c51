"""Campaigns and their events as read models, and what of them is live at this second."""

from cm_api.domains.campaigns.projection import apply
from cm_api.domains.campaigns.routes import blueprint
from cm_api.domains.campaigns.store import CampaignStore as Store
from cm_api.domains.campaigns.store import ensure_indexes

__all__ = ["Store", "apply", "blueprint", "ensure_indexes"]
