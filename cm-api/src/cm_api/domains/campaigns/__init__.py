"""Campaigns and their events as read models, and what of them is live at this second."""
