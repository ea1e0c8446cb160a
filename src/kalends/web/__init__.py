"""Pages: public booking, dashboard, staff invitations."""
