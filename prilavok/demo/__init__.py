"""The demo shop «Глина и лён»: goods, pictures, people and ninety days of history. Invented, the same every time."""
