"""The screens: main, past and replay, which are main screens of an earlier moment; tap, charts,
comparison and detail, which lie over it. Help is in `tui/dialogs`."""
