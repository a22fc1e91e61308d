"""A notebook, executed: what it shows is short, and a run shows how far it is."""

import pytest

CELLS = [
    "from ae_optax.lab import data, losses, models, training\nimport ae_optax",
    "images = data.digits(validation=100, test=100)\nimages",
    "task = training.Task(models.mlp_autoencoder([8], 4), losses.mse(), images)\ntask",
    "result = training.fit(task, ae_optax.adam(1e-2), training.Settings(epochs=3, batch_size=512))",
    "result",
    "result.state",
    "result.plot()",
]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Of the kernel's own.
def test_cells_show_tables_figures_and_progress():
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat, nbclient and ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs nbformat, nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbformat, nbclient and ipykernel")
    v4 = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(text) for text in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [cell["outputs"] for cell in notebook.cells]
    _, of_data, of_task, of_fit, of_result, of_state, of_plot = outputs
    assert "<caption>digits</caption>" in of_data[0]["data"]["text/html"]
    assert len(of_task[0]["data"]["text/plain"]) < 600
    assert "3/3" in of_fit[0]["data"]["text/plain"]
    assert of_result[0]["data"]["text/html"].count("<tr>") == 4
    assert of_state[0]["data"]["text/plain"].startswith("<TrainState: step 12,")
    assert "<svg" in of_plot[0]["data"]["image/svg+xml"]
