"""The HTML page of `refactory report`: what it shows is worked out here, `page.html` says how it looks."""
