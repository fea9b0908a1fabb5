from django.urls import path

from catalog.views import images

app_name = "catalog"
urlpatterns = [
    path("t/<slug:slug>/images/", images.image_list, name="image_list"),
    path("t/<slug:slug>/images/<uuid:image_id>/", images.image_detail, name="image_detail"),
]
